import type { Endpoint } from './endpoint.js';
import type { RateLimit, Settings } from './settings.js';

export type Admission =
  | { kind: 'admitted'; headers: Record<string, string> }
  | { kind: 'refused'; headers: Record<string, string> };

interface LimitInForce {
  rate: RateLimit;
  windows: Map<string, RequestWindow>;
}

/** The limits of the account's keys: over all endpoints, and for submissions and reads apart. */
export class RateGate {
  readonly #all: LimitInForce | null;
  readonly #submits: LimitInForce | null;
  readonly #reads: LimitInForce | null;

  constructor({ rate, submitRate, readRate }: Pick<Settings, 'rate' | 'submitRate' | 'readRate'>) {
    this.#all = inForce(rate);
    this.#submits = inForce(submitRate);
    this.#reads = inForce(readRate);
  }

  /** Admits and counts the request, or refuses it without counting. */
  pass(endpoint: Endpoint, apiKey: string, now: number): Admission {
    const limits = this.#limitsOf(endpoint).map((limit) => ({
      rate: limit.rate,
      window: windowOf(limit, apiKey),
    }));
    for (const { rate, window } of limits) {
      const waitMs = window.waitMs(now);
      if (waitMs <= 0) continue;
      const headers = { ...retryAfter(rate, now, waitMs), ...counters(rate, window, now) };
      return { kind: 'refused', headers };
    }
    for (const { window } of limits) window.take(now);
    const first = limits[0];
    return { kind: 'admitted', headers: first ? counters(first.rate, first.window, now) : {} };
  }

  #limitsOf(endpoint: Endpoint): LimitInForce[] {
    const submits = endpoint === 'submit' || endpoint === 'chat';
    const own = submits ? this.#submits : endpoint === 'read' ? this.#reads : null;
    return [this.#all, own].filter((limit) => limit !== null);
  }
}

function inForce(rate: RateLimit | null): LimitInForce | null {
  return rate && { rate, windows: new Map() };
}

function windowOf(limit: LimitInForce, apiKey: string): RequestWindow {
  const window = limit.windows.get(apiKey) ?? openWindow(limit.rate);
  limit.windows.set(apiKey, window);
  return window;
}

function retryAfter(rate: RateLimit, now: number, waitMs: number): Record<string, string> {
  switch (rate.retryAfter) {
    case 'seconds':
      return { 'retry-after': String(Math.ceil(waitMs / 1000)) };
    case 'date': {
      // An HTTP date has whole seconds: rounded up, so that whoever obeys it is not early.
      const at = Math.ceil((now + waitMs) / 1000) * 1000;
      return { 'retry-after': new Date(at).toUTCString() };
    }
    case 'none':
      return {};
    default:
      return rate.retryAfter satisfies never;
  }
}

function counters(rate: RateLimit, window: RequestWindow, now: number): Record<string, string> {
  if (rate.headers === 'none') return {};
  return {
    'x-ratelimit-limit': String(rate.limit),
    'x-ratelimit-remaining': String(window.remaining(now)),
    'x-ratelimit-reset': String(Math.ceil(window.resetMs(now) / 1000)),
  };
}

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
