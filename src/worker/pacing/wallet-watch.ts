import type { Logger } from 'pino';
import type { AccountLedger } from '../../ledger/account-ledger.js';
import type { RivyaClient } from '../../rivya/client.js';
import { lookAtBalance } from '../stages/refusal.js';
import type { Pacer } from './pacer.js';

interface WalletWatchOptions {
  client: RivyaClient;
  account: AccountLedger;
  pacer: Pacer;
  log: Logger;
  /** Without any, nobody is interested in the balance. */
  hasWork(): boolean;
}

/** How soon a wallet that is due is looked at; when it is due says the ledger, which is not asked before. */
const tickMs = 5_000;
/** One look stands in the account's line of reads, whichever process it is. */
const lineMember = 'wallet';

/** Keeps the balance fresh that people look at: this process' share of what one of all machines does. */
export class WalletWatch {
  private looking: Promise<void> | null = null;
  private timer: NodeJS.Timeout | undefined;
  /** By the steady clock of this process. */
  private dueAtMs = 0;

  constructor(private readonly options: WalletWatchOptions) {}

  start(): void {
    this.timer = setInterval(() => {
      if (!this.options.hasWork() || performance.now() < this.dueAtMs) return;
      this.looking ??= this.look()
        .catch((error: unknown) => {
          this.options.log.debug({ err: error }, 'the balance was not looked at');
        })
        .finally(() => {
          this.looking = null;
        });
    }, tickMs);
  }

  /** Resolves when no look is under way any more. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  /** Asks for the balance where that is due, in its turn like every other request (S7). */
  async look(): Promise<void> {
    const { client, account, pacer } = this.options;
    const dueInMs = await account.records.claimWalletLook();
    this.dueAtMs = performance.now() + dueInMs;
    if (dueInMs > 0) return;
    const seen = await lookAtBalance({ client, account, pacer }, lineMember);
    if (seen.kind === 'too_far') await account.records.giveBackWalletLook();
  }
}
