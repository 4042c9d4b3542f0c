import { z } from 'zod';
import { type DurationSketch, typicalTaskMs } from '../../ledger/durations.js';
import { parseContent } from '../../shared/brief.js';
import type { Ledgers } from './ledgers.js';

/** Briefs to look into; a batch of several models is judged by the mix of these. */
const sample = 16;
const keptMs = 60_000;
/** Name, value, name, value, ... */
const fieldsSchema = z.array(z.string());

/** Which models the open briefs of a batch are for, by a sample that is kept for a while. */
export class BatchModels {
  private readonly known = new Map<string, { atMs: number; models: string[] }>();

  constructor(private readonly ledgers: Ledgers) {}

  /** How long a task of this batch typically holds its place, in ms; null where no such task was seen yet. */
  async typicalTaskMs(
    batch: string,
    durations: ReadonlyMap<string, DurationSketch>,
  ): Promise<number | null> {
    const models = await this.modelsOf(batch);
    const times = models.flatMap((model) => {
      const sketch = durations.get(model);
      return (sketch && typicalTaskMs(sketch)) ?? [];
    });
    if (times.length === 0) return null;
    return times.reduce((sum, taskMs) => sum + taskMs, 0) / times.length;
  }

  keepOnly(batches: ReadonlySet<string>): void {
    for (const batch of this.known.keys()) if (!batches.has(batch)) this.known.delete(batch);
  }

  private async modelsOf(batch: string): Promise<string[]> {
    const { redis, clock } = this.ledgers;
    const known = this.known.get(batch);
    if (known && clock.now() - known.atMs < keptMs) return known.models;
    const { content } = this.ledgers.batch(batch).keys;
    // What succeeded is taken out of the content: what is left there is what is left to do.
    const fields = fieldsSchema.parse(await redis.hrandfield(content, sample, 'WITHVALUES'));
    const contents = fields.filter((_field, index) => index % 2 === 1);
    const models = contents.map((text) => parseContent(text).request.model);
    this.known.set(batch, { atMs: clock.now(), models });
    return models;
  }
}
