import { setTimeout as sleep } from 'node:timers/promises';
import type { BatchDeed } from '../../ledger/deeds.js';

/** Something that is being done to a batch, and takes longer than a browser is to wait. */
export interface UnderWay {
  deed: BatchDeed;
  /** In ms since the epoch. */
  sinceMs: number;
}

/** Most is done sooner; a manifest of a million lines, or as many briefs to be ended, take minutes. */
const answerWithinMs = 2_000;

/** What is being done to batches by this process: the browser is answered, and the rest goes on. */
export class DeedsUnderWay {
  private readonly begun = new Map<string, Set<UnderWay>>();

  /** What was begun first, of what goes on; null where nothing does. */
  of(batch: string): UnderWay | null {
    const [first = null] = this.begun.get(batch) ?? [];
    return first;
  }

  /**
   * @param done what is being done
   * @returns what came of it; `goes_on` where that is not known soon
   */
  async waitFor<Done>(
    batch: string,
    one: UnderWay,
    done: Promise<Done>,
  ): Promise<Done | 'goes_on'> {
    const begun = this.begun.get(batch) ?? new Set();
    this.begun.set(batch, begun.add(one));
    const over = () => {
      begun.delete(one);
      if (begun.size === 0) this.begun.delete(batch);
    };
    done.then(over, over);
    return Promise.race([done, sleep(answerWithinMs, 'goes_on' as const, { ref: false })]);
  }
}
