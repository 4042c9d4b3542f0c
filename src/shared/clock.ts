/** The only reader of this machine's clock; decisions take `now` as a parameter instead. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
