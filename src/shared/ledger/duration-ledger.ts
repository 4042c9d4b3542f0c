import type { Redis } from 'ioredis';
import { bucketOf, type DurationSketch, readSketch, unitsPerTask } from './duration-sketch.js';
import type { AccountKeys } from './keys.js';
import { runScript } from './scripts.js';

/** Between half of it and all of it is remembered: enough for the shape, and soon forgotten when the API changes. */
const mostTasks = 600;
/** A kind that nobody asks for any more leaves nothing behind. */
const lifeMs = 30 * 24 * 3_600_000;

/** How long past tasks took, by name (a kind or a model), shared by all machines of one account. */
export class DurationLedger {
  constructor(
    private readonly redis: Redis,
    private readonly keys: Pick<AccountKeys, 'durations'>,
  ) {}

  /** Counts one finished task under each name, in one command. */
  async note(names: readonly string[], durationMs: number): Promise<void> {
    await runScript(this.redis, 'note-duration', {
      keys: names.map((name) => this.keys.durations + name),
      values: [bucketOf(durationMs), unitsPerTask, mostTasks * unitsPerTask, lifeMs],
    });
  }

  /** Empty where nothing is known of a name. */
  async read(name: string): Promise<DurationSketch> {
    return readSketch(await this.redis.hgetall(this.keys.durations + name));
  }
}
