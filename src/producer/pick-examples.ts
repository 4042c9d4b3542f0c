import { parseBody } from '../shared/brief-content.js';
import type { BriefOrigin, PreparedBrief } from '../shared/prepared-brief.js';
import type { Place } from './forecast-credits.js';

/** A brief as it will be sent, for a person to look at before it is. */
export interface Example extends Place {
  id: string;
  model: string;
  /** Null where the model takes none. */
  prompt: string | null;
}

/** Notes the first, the middle and the last brief of an input as they pass by; only these are read. */
export class ExamplePicker {
  readonly examples: Example[] = [];
  readonly #wanted: ReadonlySet<number>;

  constructor(briefs: number) {
    this.#wanted = new Set([0, Math.floor((briefs - 1) / 2), briefs - 1]);
  }

  async *watch(briefs: AsyncIterable<PreparedBrief>): AsyncGenerator<PreparedBrief> {
    let position = 0;
    for await (const brief of briefs) {
      if (this.#wanted.has(position)) this.examples.push(exampleOf(brief));
      position += 1;
      yield brief;
    }
  }
}

function exampleOf({ id, body, origin }: PreparedBrief): Example {
  const { source, row } = JSON.parse(origin) as BriefOrigin;
  const { model, prompt } = parseBody(body);
  return { source, row, id, model, prompt: prompt ?? null };
}
