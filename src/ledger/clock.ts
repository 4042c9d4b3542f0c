import type { Redis } from 'ioredis';
import type { Clock, MachineTime } from '../shared/clock.js';

/** What time it is for all machines, in ms since the epoch: Redis' time, which here never goes back. */
export async function readLedgerMs(redis: Redis, clockKey: string): Promise<number> {
  const [time, noted] = await Promise.all([redis.time(), redis.get(clockKey)]);
  const [seconds = 0, microseconds = 0] = time.map(Number);
  return ledgerMs(seconds * 1_000 + Math.floor(microseconds / 1_000), noted);
}

/** As in `lua/now.lua`, which also writes down what readers need not. */
function ledgerMs(redisMs: number, noted: string | null): number {
  const [latestMs = redisMs, addedMs = 0] = noted === null ? [] : noted.split(' ').map(Number);
  const passedMs = redisMs - latestMs;
  if (passedMs < 0) return redisMs + addedMs - passedMs;
  return redisMs + Math.max(0, addedMs - Math.floor(passedMs / 10));
}

/** Two clocks that run apart by as much in so short a time say nothing. */
const readAgainAfterMs = 5_000;
/** One of this machine's clocks was set, or the machine slept, which stops only one of them. */
const disagreeMs = 1_000;

/**
 * The ledger's time on this machine, whatever becomes of the machine's own time of day: read from Redis now and
 * then, and carried on by a clock that only goes forward. While Redis is away it is simply carried on.
 */
export class LedgerClock implements Clock {
  private reading = false;

  private constructor(
    private readonly read: () => Promise<number>,
    private readonly machine: () => MachineTime,
    private ledgerMs: number,
    private readAt: MachineTime,
  ) {}

  static async open(read: () => Promise<number>, machine: () => MachineTime): Promise<LedgerClock> {
    const readAt = machine();
    return new LedgerClock(read, machine, await read(), readAt);
  }

  readonly now = (): number => {
    const machine = this.machine();
    const steadyMs = machine.steadyMs - this.readAt.steadyMs;
    const wallMs = machine.wallMs - this.readAt.wallMs;
    const isOld = steadyMs > readAgainAfterMs || Math.abs(wallMs - steadyMs) > disagreeMs;
    if (isOld && !this.reading) this.readAgain();
    return Math.round(this.ledgerMs + steadyMs);
  };

  private readAgain(): void {
    this.reading = true;
    const readAt = this.machine();
    this.read()
      .then((ledgerMs) => {
        this.ledgerMs = ledgerMs;
        this.readAt = readAt;
      })
      // The next look tries again.
      .catch(() => undefined)
      .finally(() => {
        this.reading = false;
      });
  }
}
