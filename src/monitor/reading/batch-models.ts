import { z } from 'zod';
import { type DurationSketch, typicalTaskMs } from '../../ledger/durations.js';
import { parseContent, priceKind } from '../../shared/brief.js';
import type { Ledgers } from './ledgers.js';

/** Briefs to look into; a batch of several models is judged by the mix of these. */
const sampleSize = 16;
const keptMs = 60_000;
/** Name, value, name, value, ... */
const fieldsSchema = z.array(z.string());

interface Sample {
  atMs: number;
  /** Models, and kinds of prices, one of each brief. */
  models: string[];
  kinds: string[];
}

/** Which models the open briefs of a batch are for, by a sample that is kept for a while. */
export class BatchModels {
  private readonly known = new Map<string, Sample>();

  constructor(private readonly ledgers: Ledgers) {}

  /** How long a task of this batch typically holds its place, in ms; null where no such task was seen yet. */
  async typicalTaskMs(
    batch: string,
    durations: ReadonlyMap<string, DurationSketch>,
  ): Promise<number | null> {
    const { models } = await this.sampleOf(batch);
    const times = models.flatMap((model) => {
      const sketch = durations.get(model);
      return (sketch && typicalTaskMs(sketch)) ?? [];
    });
    return mean(times);
  }

  /** What a brief of this batch typically costs, in credits; null where nothing like it was charged before. */
  async typicalPrice(batch: string, prices: ReadonlyMap<string, number>): Promise<number | null> {
    const { kinds } = await this.sampleOf(batch);
    return mean(kinds.flatMap((kind) => prices.get(kind) ?? []));
  }

  keepOnly(batches: ReadonlySet<string>): void {
    for (const batch of this.known.keys()) if (!batches.has(batch)) this.known.delete(batch);
  }

  private async sampleOf(batch: string): Promise<Sample> {
    const { redis, clock } = this.ledgers;
    const known = this.known.get(batch);
    if (known && clock.now() - known.atMs < keptMs) return known;
    const { content } = this.ledgers.batch(batch).keys;
    // What succeeded is taken out of the content: what is left there is what is left to do.
    const fields = fieldsSchema.parse(await redis.hrandfield(content, sampleSize, 'WITHVALUES'));
    const contents = fields.filter((_field, index) => index % 2 === 1);
    const requests = contents.map((text) => parseContent(text).request);
    const models = requests.map(({ model }) => model);
    const sample = { atMs: clock.now(), models, kinds: requests.map(priceKind) };
    this.known.set(batch, sample);
    return sample;
  }
}

/** Null of none. */
function mean(numbers: readonly number[]): number | null {
  return numbers.length === 0
    ? null
    : numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}
