/** The only reader of this machine's clock; decisions take `now` as a parameter instead. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** What two clocks of this machine say. */
export interface MachineTime {
  /** The time of day: somebody may set it, forward or back. */
  wallMs: number;
  /** Only ever goes forward, but may stand still while the machine sleeps. */
  steadyMs: number;
}

export function machineTime(): MachineTime {
  return { wallMs: Date.now(), steadyMs: performance.now() };
}

/**
 * How long ago that was, by whichever clock says more: neither a machine that slept nor one whose time was set back
 * takes a long time for a short one.
 */
export function longestSinceMs(then: MachineTime, now: MachineTime): number {
  return Math.max(now.wallMs - then.wallMs, now.steadyMs - then.steadyMs);
}

/** By less, a time of day is only being kept exact. */
const setBackMs = 1_000;

/** Whether somebody has set the time of day back in between. */
export function wasSetBack(then: MachineTime, now: MachineTime): boolean {
  return now.wallMs - then.wallMs < now.steadyMs - then.steadyMs - setBackMs;
}
