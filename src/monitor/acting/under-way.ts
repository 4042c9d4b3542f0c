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

/** `goes_on` where it is not done soon. */
function soon<Done>(done: Promise<Done>): Promise<Done | 'goes_on'> {
  return Promise.race([done, sleep(answerWithinMs, 'goes_on' as const, { ref: false })]);
}

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
    return soon(done);
  }
}

/** Longer than a page waits until it looks again: whoever has left is not waited for. */
const keptMs = 30_000;

/** Questions whose price is being found out: whoever looks again gets what was found. */
export class QuestionsUnderWay<Found> {
  private readonly begun = new Map<string, Promise<Found>>();

  /**
   * @param wish tells one question from another
   * @param find finds out what is asked; begun once, until somebody was told
   */
  async waitFor(wish: string, find: () => Promise<Found>): Promise<Found | 'goes_on'> {
    const found = this.begun.get(wish) ?? this.begin(wish, find());
    try {
      const first = await soon(found);
      if (first !== 'goes_on') this.forget(wish, found);
      return first;
    } catch (error) {
      this.forget(wish, found);
      throw error;
    }
  }

  private begin(wish: string, found: Promise<Found>): Promise<Found> {
    this.begun.set(wish, found);
    const over = () =>
      sleep(keptMs, undefined, { ref: false }).then(() => this.forget(wish, found));
    found.then(over, over);
    return found;
  }

  private forget(wish: string, found: Promise<Found>): void {
    if (this.begun.get(wish) === found) this.begun.delete(wish);
  }
}
