import { Deadline } from './request.js';

export interface PatienceLimits {
  /** Longest wait for a sign of life: the headers, or a byte more. */
  idleTimeoutMs: number;
  /** Called once, when the server begins to stand still or to drip: long before it is given up. */
  onStanding?: (() => void) | undefined;
}

/** Whoever sends less than this on the whole is given up, as if it had sent nothing: it bounds the time by the size. */
const slowestBytesPerSecond = 1_000;
/** From here on a download counts as standing: after so long without a byte, or below so many bytes a second. */
const standingAfterMs = 2_000;
const standingBelowBytesPerSecond = 4_000;

/**
 * What one download is waited for, and for how long: an end for a server that says nothing, and for one that drips a
 * byte a second, which no limit on silence alone would ever find. Time for which our own disk takes does not count.
 */
export class Patience {
  readonly #idle: Deadline;
  #bytes = 0;
  #waitedMs = 0;
  #sinceMs = 0;
  #standing: NodeJS.Timeout | undefined;
  #told = false;

  constructor(
    parent: AbortSignal,
    private readonly limits: PatienceLimits,
  ) {
    this.#idle = new Deadline(parent);
  }

  get signal(): AbortSignal {
    return this.#idle.signal;
  }

  /** From here on it is the server's turn. */
  begin(): void {
    this.#sinceMs = performance.now();
    this.#idle.arm(this.#left(this.limits.idleTimeoutMs, slowestBytesPerSecond));
    const { onStanding } = this.limits;
    if (!onStanding || this.#told) return;
    const tell = (): void => {
      this.#told = true;
      onStanding();
    };
    const standingMs = this.#left(standingAfterMs, standingBelowBytesPerSecond);
    this.#standing = setTimeout(tell, standingMs);
  }

  /** The server has sent something. */
  rest(bytes = 0): void {
    this.#idle.disarm();
    clearTimeout(this.#standing);
    this.#waitedMs += performance.now() - this.#sinceMs;
    this.#bytes += bytes;
  }

  end(): void {
    clearTimeout(this.#standing);
    this.#idle.end();
  }

  /** Of this one wait; every byte that came has earned some time for the next. */
  #left(quietMs: number, bytesPerSecond: number): number {
    const earnedMs = (this.#bytes * 1000) / bytesPerSecond - this.#waitedMs;
    return Math.max(0, quietMs + Math.min(0, earnedMs));
  }
}
