import type { LimitFunction } from 'p-limit';
import pLimit from 'p-limit';

/** What one job of collection holds while it works. */
export interface DownloadSlot {
  /** Its server stands still or drips: the slot goes to another job, and this one goes on beside them. */
  stand(): void;
}

/** Beside so many that move, so many times as many may wait for a slot in this process. */
const waitingPerMoving = 8;

/** Beside so many that move, so many times as many may stand: a connection without traffic costs next to nothing. */
const standingPerMoving = 3;

/**
 * The slots of collection, in one process: only downloads that move take one. However many servers take a
 * connection and say nothing, those that send are not kept waiting by them (S2); the standing ones end by themselves,
 * see `Patience`.
 */
export class DownloadSlots {
  private readonly moving: LimitFunction;
  private readonly mostStanding: number;
  private readonly waiting = new Set<() => void>();
  private standing = 0;

  constructor(concurrency: number) {
    this.moving = pLimit(concurrency);
    this.mostStanding = concurrency * standingPerMoving;
  }

  /** Jobs that may be under way at once, moving and standing. */
  get most(): number {
    return this.moving.concurrency + this.mostStanding;
  }

  /** Works in a slot, where one is free or will be in a moment; null where too many wait already. */
  holdSoon<T>(work: (slot: DownloadSlot) => Promise<T>): Promise<T> | null {
    const { pendingCount, concurrency } = this.moving;
    return pendingCount < concurrency * waitingPerMoving ? this.hold(work) : null;
  }

  /** Works in a slot, once there is one. */
  hold<T>(work: (slot: DownloadSlot) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.moving(async () => {
        const left = new Promise<void>((leave) => {
          const ended = this.work(work, leave);
          ended.then(resolve, reject);
          // Its place is free at its end at the latest.
          ended.then(
            () => leave(),
            () => leave(),
          );
        });
        await left;
      }).catch(reject);
    });
  }

  private async work<T>(work: (slot: DownloadSlot) => Promise<T>, leave: () => void): Promise<T> {
    let stands = false;
    const stepAside = (): void => {
      this.waiting.delete(stepAside);
      this.standing += 1;
      stands = true;
      leave();
    };
    const stand = (): void => {
      if (stands) return;
      if (this.standing < this.mostStanding) stepAside();
      else this.waiting.add(stepAside);
    };
    try {
      return await work({ stand });
    } finally {
      this.waiting.delete(stepAside);
      if (stands) {
        this.standing -= 1;
        const [next] = this.waiting;
        next?.();
      }
    }
  }
}
