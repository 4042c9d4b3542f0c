import type { RateLimit } from './settings.js';

/** One limit's counting for one key. Asking and taking are apart, so that two limits can both be asked first. */
export interface RequestWindow {
  /** Milliseconds until a request would be admitted; 0 for now. */
  waitMs(now: number): number;
  take(now: number): void;
  remaining(now: number): number;
  /** Milliseconds until what was taken is given back: all of it, or what goes first where it goes bit by bit. */
  resetMs(now: number): number;
}

export function openWindow(limit: RateLimit): RequestWindow {
  switch (limit.window) {
    case 'fixed':
      return new FixedWindow(limit);
    case 'sliding':
      return new SlidingWindow(limit);
    case 'bucket':
      return new TokenBucket(limit);
    default:
      return limit.window satisfies never;
  }
}

class FixedWindow implements RequestWindow {
  #openedAt = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(private readonly rate: RateLimit) {}

  waitMs(now: number): number {
    this.#roll(now);
    return this.#count < this.rate.limit ? 0 : this.#openedAt + this.rate.windowMs - now;
  }

  take(now: number): void {
    this.#roll(now);
    if (this.#count === 0) this.#openedAt = now;
    this.#count += 1;
  }

  remaining(now: number): number {
    this.#roll(now);
    return this.rate.limit - this.#count;
  }

  resetMs(now: number): number {
    this.#roll(now);
    return this.#count === 0 ? this.rate.windowMs : this.#openedAt + this.rate.windowMs - now;
  }

  #roll(now: number): void {
    if (now >= this.#openedAt + this.rate.windowMs) this.#count = 0;
  }
}

class SlidingWindow implements RequestWindow {
  readonly #times: number[] = [];

  constructor(private readonly rate: RateLimit) {}

  waitMs(now: number): number {
    this.#forget(now);
    const blocking = this.#times[this.#times.length - this.rate.limit];
    return blocking === undefined ? 0 : blocking + this.rate.windowMs - now;
  }

  take(now: number): void {
    this.#times.push(now);
  }

  remaining(now: number): number {
    this.#forget(now);
    return this.rate.limit - this.#times.length;
  }

  resetMs(now: number): number {
    this.#forget(now);
    return (this.#times[0] ?? now) + this.rate.windowMs - now;
  }

  #forget(now: number): void {
    const oldest = now - this.rate.windowMs;
    while ((this.#times[0] ?? now) <= oldest) this.#times.shift();
  }
}

class TokenBucket implements RequestWindow {
  #tokens: number;
  #filledAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly rate: RateLimit) {
    this.#tokens = rate.limit;
  }

  waitMs(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * this.#msPerToken());
  }

  take(now: number): void {
    this.#fill(now);
    this.#tokens -= 1;
  }

  remaining(now: number): number {
    this.#fill(now);
    return Math.floor(this.#tokens);
  }

  resetMs(now: number): number {
    this.#fill(now);
    return (this.rate.limit - this.#tokens) * this.#msPerToken();
  }

  #fill(now: number): void {
    const refilled = this.#tokens + (now - this.#filledAt) / this.#msPerToken();
    this.#tokens = Math.min(this.rate.limit, refilled);
    this.#filledAt = now;
  }

  #msPerToken(): number {
    return this.rate.windowMs / this.rate.limit;
  }
}
