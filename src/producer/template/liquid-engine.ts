import { Liquid, type Template as ParsedTemplate } from 'liquidjs';
import type { JsonValue } from '../../shared/json.js';
import type { RowFault } from '../rejection.js';
import { asText, longestText, Refusal, tooLong } from './filter-values.js';
import { allFilters, isEmptyValue } from './filters.js';
import { cellOperators } from './operators.js';

export type { ParsedTemplate };

/** A `{{...}}` of a template that the engine fills. */
export interface EngineHole {
  column: string;
  /** `optional`: it has a default. */
  need: 'needed' | 'optional';
}

/** What the engine sees while it fills one template from one row: cells under names of ours, and no more. */
interface Filling {
  cells: ReadonlyMap<string, JsonValue>;
  values: ReadonlyMap<string, JsonValue>;
  holes: readonly EngineHole[];
}

/** Travels with the cells, under a name that no template can say. */
interface Progress {
  holes: readonly EngineHole[];
  cells: ReadonlyMap<string, JsonValue>;
  length: number;
  /** Of the hole that is being filled. */
  refusals: Refusal[];
  faults: RowFault[];
}

interface EngineCall {
  context: { environments: object };
}

const tagsKept = new Set(['if', 'unless', 'case']);

const engine = makeEngine();

export function parseForEngine(source: string): ParsedTemplate[] {
  return engine.parse(source);
}

/** The text, and every fault of the row that came up in filling it. */
export function fillWithEngine(
  parsed: ParsedTemplate[],
  { cells, values, holes }: Filling,
): { text: string; faults: RowFault[] } {
  const progress: Progress = { holes, cells, length: 0, refusals: [], faults: [] };
  const scope = { ...Object.fromEntries(cells), ...Object.fromEntries(values), progress };
  const text = String(engine.renderSync(parsed, scope));
  return { text, faults: progress.faults };
}

/** No tag that reads a file, loops or keeps something; no filter but those of `filters.ts`. */
function makeEngine(): Liquid {
  const liquid = new Liquid({
    ownPropertyOnly: true,
    strictVariables: true,
    strictFilters: true,
    templates: {},
    operators: cellOperators,
  });
  for (const name of Object.keys(liquid.tags)) if (!tagsKept.has(name)) delete liquid.tags[name];
  for (const name of Object.keys(liquid.filters)) liquid.unregisterFilter(name);
  for (const [name, { run }] of allFilters()) {
    liquid.registerFilter(name, function (value: JsonValue, ...given: JsonValue[]) {
      const result = run(this, value ?? null, given);
      if (!(result instanceof Refusal)) return result;
      progressOf(this).refusals.push(result);
      return null;
    });
  }
  liquid.registerFilter('fill', function (value: JsonValue, hole: number) {
    return fillHole(progressOf(this), value ?? null, hole);
  });
  return liquid;
}

function progressOf({ context }: EngineCall): Progress {
  return (context.environments as { progress: Progress }).progress;
}

/** Comes last in every hole: what is put into the text is decided here. */
function fillHole(progress: Progress, value: JsonValue, index: number): string {
  const hole = progress.holes[index];
  if (hole === undefined) throw new RangeError(`the template has no hole ${index}`);
  const { column, need } = hole;
  const text = asText(value);
  const [refusal] = text instanceof Refusal ? [...progress.refusals, text] : progress.refusals;
  progress.refusals = [];
  if (refusal !== undefined) {
    progress.faults.push({ kind: refusal.kind, column, reason: `"${column}": ${refusal.reason}` });
    return '';
  }
  if (text instanceof Refusal) return '';
  if (need === 'needed' && isEmptyValue(text)) {
    progress.faults.push(emptyFault(column));
    return '';
  }
  progress.length += text.length;
  if (progress.length <= longestText) return text;
  progress.faults.push({ kind: tooLong.kind, column: null, reason: tooLong.reason });
  return '';
}

export function emptyFault(column: string): RowFault {
  return { kind: 'empty_value', column, reason: `"${column}" is empty, and a template needs it` };
}
