import { type BriefOrigin, type PreparedBrief, parseBody } from '../shared/brief.js';
import type { CompiledInput } from './compile-input.js';
import type { RowPosition } from './rows/row.js';
import { StepCounts } from './steps/step-counts.js';

/**
 * A part of an input for a trial: briefs of every model, spread over the whole of it, and the same ones each time.
 * With variants, one of each row as long as there are rows enough; with steps, whole rows, and as many of them as have
 * about so many briefs. Its counts of rows are those of the whole input.
 */
export async function sampleInput(
  input: CompiledInput,
  { size, variants }: { size: number; variants: number },
): Promise<CompiledInput> {
  if (size >= input.counts.briefs) return input;
  if (input.steps.length > 0) return sampleRows(input, size);
  const modelUse = shareOut(input.modelUse, size);
  const chosen = new Map<string, ReadonlySet<number>>();
  for (const [model, count] of modelUse) {
    chosen.set(model, spread(count, { briefs: input.modelUse.get(model) ?? 0, variants }));
  }
  return {
    ...input,
    counts: { ...input.counts, briefs: size },
    digest: `${input.digest} ${size} of it, ${variants}`,
    modelUse,
    outputs: new Map(),
    briefs: () => chooseBriefs(input, chosen),
  };
}

/** A part of a row could not be made: what it comes after belongs to it. */
async function sampleRows(input: CompiledInput, size: number): Promise<CompiledInput> {
  let rows = 0;
  for await (const { isFirst } of byRow(input)) rows += Number(isFirst);
  const count = Math.max(1, Math.round((size * rows) / input.counts.briefs));
  const positions = spread(Math.min(rows, count), { briefs: rows, variants: 1 });
  // What a brief comes after may be an earlier row's, where two rows make the same of it.
  const before = new Set<string>();
  let known = -1;
  while (known < before.size) {
    known = before.size;
    for await (const { brief, position } of byRow(input)) {
      if (!positions.has(position) && !before.has(brief.id)) continue;
      const { after = [] } = JSON.parse(brief.origin) as BriefOrigin;
      for (const { id } of after) before.add(id);
    }
  }
  async function* briefs(): AsyncGenerator<PreparedBrief> {
    for await (const { brief, position } of byRow(input)) {
      if (positions.has(position) || before.has(brief.id)) yield brief;
    }
  }
  const counts = new StepCounts(input.steps.map((step) => ({ ...step, name: step.output })));
  const modelUse = new Map<string, number>();
  let made = 0;
  for await (const { body, origin } of briefs()) {
    const { model } = parseBody(body);
    made += 1;
    modelUse.set(model, (modelUse.get(model) ?? 0) + 1);
    counts.add((JSON.parse(origin) as BriefOrigin).output ?? null, model, 1);
  }
  return {
    ...input,
    counts: { ...input.counts, briefs: made },
    digest: `${input.digest} ${count} rows of it`,
    modelUse,
    outputs: counts.byOutput(),
    steps: counts.steps(),
    briefs,
  };
}

/** Briefs with the position of their row, from 0: those of one stand together. */
async function* byRow(input: CompiledInput) {
  let position = -1;
  let latest = '';
  for await (const brief of input.briefs()) {
    const { source, row } = JSON.parse(brief.origin) as BriefOrigin;
    const at = `${row} ${source}`;
    const isFirst = at !== latest;
    if (isFirst) position += 1;
    latest = at;
    yield { brief, position, isFirst };
  }
}

/** So many briefs of each model: in proportion, but at least one of each where that is possible. */
function shareOut(modelUse: ReadonlyMap<string, number>, size: number): Map<string, number> {
  const models = [...modelUse].sort(([, left], [, right]) => right - left).slice(0, size);
  const briefs = models.reduce((sum, [, count]) => sum + count, 0);
  const shares = new Map(models.map(([model]) => [model, 1]));
  for (let given = models.length; given < size; given++) {
    const [next] = models
      .filter(([model, count]) => (shares.get(model) ?? 0) < count)
      .map(([model, count]) => ({
        model,
        lacks: (count * size) / briefs - (shares.get(model) ?? 0),
      }))
      .sort((left, right) => right.lacks - left.lacks);
    if (next === undefined) break;
    shares.set(next.model, (shares.get(next.model) ?? 0) + 1);
  }
  return shares;
}

/** What is left of the golden ratio: its multiples fall evenly, and in step with nothing. */
const GOLDEN = 0.618_033_988_75;

/**
 * Positions among a model's briefs, one in each of equal stretches. Where in its stretch changes: outputs and
 * variants follow each other in a fixed order, and a fixed step would meet the same one each time.
 */
function spread(
  count: number,
  { briefs, variants }: { briefs: number; variants: number },
): Set<number> {
  const rows = briefs / variants;
  const step = count <= rows ? variants : 1;
  const places = count <= rows ? rows : briefs;
  return new Set(
    Array.from({ length: count }, (_, at) => {
      const begin = Math.floor((at * places) / count);
      const end = Math.floor(((at + 1) * places) / count);
      const within = (at * GOLDEN + 0.5) % 1;
      return (begin + Math.floor(within * (end - begin))) * step;
    }),
  );
}

async function* chooseBriefs(
  { briefs, modelUse }: CompiledInput,
  chosen: ReadonlyMap<string, ReadonlySet<number>>,
): AsyncGenerator<PreparedBrief> {
  const [onlyModel] = modelUse.size === 1 ? modelUse.keys() : [];
  const passed = new Map<string, number>();
  for await (const brief of briefs()) {
    const model = onlyModel ?? parseBody(brief.body).model;
    const position = passed.get(model) ?? 0;
    passed.set(model, position + 1);
    if (chosen.get(model)?.has(position)) yield brief;
  }
}

/** A brief as it will be sent, for a person to look at before it is. */
export interface Example extends RowPosition {
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
