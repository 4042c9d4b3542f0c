import type { Endpoint } from './endpoint.js';
import { openWindow, type RequestWindow } from './request-window.js';
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
    const own = endpoint === 'submit' ? this.#submits : endpoint === 'read' ? this.#reads : null;
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
