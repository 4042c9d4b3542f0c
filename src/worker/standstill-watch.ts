import type { Logger } from 'pino';
import { announceStandstill, standstillOf } from '../batch/announce.js';
import type { AccountLedger } from '../ledger/account-ledger.js';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import type { Clock } from '../shared/clock.js';

interface StandstillWatchOptions {
  account: AccountLedger;
  clock: Clock;
  log: Logger;
  /** Of the batches that this process works on. */
  ledgers(): BatchLedger[];
}

const lookEveryMs = 10_000;

/** Has those told who want to be of a batch that stands still, while somebody works on it. */
export class StandstillWatch {
  private looking: Promise<void> | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: StandstillWatchOptions) {}

  start(): void {
    this.timer = setInterval(() => {
      this.looking ??= this.look()
        .catch((error: unknown) => {
          this.options.log.debug({ err: error }, 'could not look for batches that stand still');
        })
        .finally(() => {
          this.looking = null;
        });
    }, lookEveryMs);
  }

  /** Resolves when no look is under way any more. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  /** One command for all batches of which nobody wants to be told. */
  async look(): Promise<void> {
    const { account, clock } = this.options;
    const ledgers = this.options.ledgers();
    const webhooks = await account.messages.webhooks(
      ledgers.map(({ batch }) => `batch ${batch}` as const),
    );
    const wanted = ledgers.filter((_ledger, at) => webhooks[at]?.on.includes('waiting'));
    if (wanted.length === 0) return;
    const view = await account.view();
    for (const ledger of wanted) {
      const meta = await ledger.meta();
      if (meta === null) continue;
      const standstill = standstillOf(meta, view, await ledger.inFlight());
      const nowMs = clock.now();
      await announceStandstill(ledger, meta, standstill, { when: 'later', nowMs });
    }
  }
}
