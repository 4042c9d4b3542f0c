import type { Clock } from '../shared/clock.js';
import type { AccountView } from '../shared/ledger/account-view.js';
import { type BatchMeta, isSimulated } from '../shared/ledger/batch-meta.js';
import { countQueued, type Footing, Outlook } from '../shared/outlook.js';
import type { StageQueues } from '../shared/queues.js';
import { type Progress, progressBlock, progressLine } from './show-progress.js';
import type { Terminal } from './terminal.js';

const lineEveryMs = 5_000;

/** Shows how far a run is: a block that lives on a terminal, a line now and then elsewhere. */
export class RunProgress {
  private readonly outlook = new Outlook();
  private lookedAtMs: number | null = null;

  constructor(
    private readonly terminal: Terminal,
    private readonly queues: StageQueues,
    private readonly footing: Footing,
    private readonly clock: Clock,
    private readonly fileTrouble: () => Promise<string | null>,
  ) {}

  /** Counts what is queued only where it is going to be shown: whoever watches a run comes by often. */
  async show(meta: BatchMeta, account: AccountView): Promise<void> {
    const { terminal, footing } = this;
    const nowMs = this.clock.now();
    const first = this.lookedAtMs === null;
    if (!terminal.live && nowMs - (this.lookedAtMs ?? Number.NEGATIVE_INFINITY) < lineEveryMs) {
      return;
    }
    this.lookedAtMs = nowMs;
    const sight = { meta, account, queued: await countQueued(this.queues) };
    const look = this.outlook.look(nowMs, sight, footing);
    const files = await this.filesDue(sight.queued.filesDue);
    const progress: Progress = { meta, account, toldRate: footing.told.rate, look, files, nowMs };
    const simulated = isSimulated(meta);
    terminal.progress(`${simulated ? 'SIMULATED\n' : ''}${progressBlock(progress)}`);
    // Where nothing has happened yet, there is nothing to tell.
    if (!terminal.live && !first)
      terminal.note(`${simulated ? 'SIMULATED: ' : ''}${progressLine(progress)}`);
  }

  private async filesDue(count: number): Promise<Progress['files']> {
    return count === 0 ? null : { count, reason: await this.fileTrouble() };
  }
}
