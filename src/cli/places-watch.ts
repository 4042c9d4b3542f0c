import type { AccountView } from '../shared/ledger/account-view.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import type { RunBatch } from './open-run-batch.js';
import type { Terminal } from './terminal.js';

const patienceMs = 5_000;

/** Notices that other batches' unfinished tasks take up every place in flight, and says so once. */
export class PlacesWatch {
  private sinceMs: number | null = null;
  private told = false;

  constructor(
    private readonly opened: RunBatch,
    private readonly terminal: Terminal,
  ) {}

  async look(meta: BatchMeta | null, account: AccountView): Promise<void> {
    if (this.told || !meta || meta.pending === 0 || account.inFlight === 0) return;
    const { ledger, session } = this.opened;
    const now = session.clock.now();
    const others = account.inFlight - (await ledger.inFlight());
    const stuck = others === account.inFlight && account.gate.kind === 'open';
    this.sinceMs = stuck ? (this.sinceMs ?? now) : null;
    if (this.sinceMs === null || now - this.sinceMs < patienceMs) return;
    this.told = true;
    const batches = await this.opened.account.batchesInFlight();
    this.terminal.warn(
      `All ${others} places for running tasks are taken by other batches of this key (${batches.join(', ')}). If one of them was stopped, continue it first; a place that nobody gives back is free again after an hour. Or allow more tasks at once: --in-flight.`,
    );
  }
}
