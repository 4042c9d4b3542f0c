import { defaultOperators, Liquid, type Template as ParsedTemplate } from 'liquidjs';
import type { JsonValue } from '../../shared/json.js';
import type { RowFault } from '../rejection.js';
import { cellText } from '../rows/cell-text.js';
import { comparisons, isEmpty } from '../rows/compare.js';
import type { Row } from '../rows/row.js';
import { allFilters, asText, htmlToText, longestText, Refusal, tooLong } from './filters.js';
import { EngineNames, rewriteFilters, TagNesting } from './rewrite.js';
import { type TemplatePiece, templateFault } from './scan.js';

type HolePiece = Extract<TemplatePiece, { kind: 'hole' }>;

/** A template with filters or tags, put into words that are the engine's and ours alone. */
export class EngineTemplate {
  readonly columns: readonly string[];
  readonly required: readonly string[];
  readonly #names = new EngineNames();
  readonly #nesting = new TagNesting(this.#names);
  readonly #holes: EngineHole[] = [];
  readonly #parsed: ParsedTemplate[];

  /** @throws BatchError `bad_input` that says where it cannot be understood. */
  constructor(option: string, text: string, pieces: readonly TemplatePiece[]) {
    const required = new Set<string>();
    const source = pieces.map((piece) => {
      if (piece.kind === 'text') return this.#rewriteText(piece.text);
      if (piece.kind === 'tag') return this.#nesting.rewrite(piece);
      const rewritten = this.#rewriteHole(piece);
      const isNeeded = this.#holes.at(-1)?.need === 'needed' && !this.#nesting.isInside;
      if (isNeeded) required.add(piece.column);
      return rewritten;
    });
    this.#nesting.close();
    this.#parsed = parseSource(source.join(''), option, text);
    this.columns = [...this.#names.columns.keys()];
    this.required = [...required];
  }

  fill(row: Row, html: 'to_text' | 'keep'): { text: string; faults: RowFault[] } {
    const cells = new Map<string, JsonValue>();
    const faults: RowFault[] = [];
    for (const [column, name] of this.#names.columns) {
      const cell = cellOf(row.find(column) ?? null, html);
      if (cell instanceof Refusal) faults.push({ kind: cell.kind, column, reason: cell.reason });
      else cells.set(name, cell);
    }
    if (faults.length > 0) return { text: '', faults };
    const values = this.#names.values;
    return fillWithEngine(this.#parsed, cells, values, this.#holes);
  }

  /** Text that could be read as a template stands in `raw`, and is handed on as a value. */
  #rewriteText(text: string): string {
    const isPlain = !/\{[{%]|\{$/.test(text);
    return isPlain ? text : `{{ ${this.#names.value(text)} }}`;
  }

  #rewriteHole({ column, filters, position }: HolePiece): string {
    const name = this.#names.column(column);
    const rewritten = rewriteFilters(filters, this.#names, position);
    const need = /\| default:/.test(rewritten) ? 'optional' : 'needed';
    this.#holes.push({ column, need });
    return `{{ ${name}${rewritten} | fill: ${this.#holes.length - 1} }}`;
  }
}

function parseSource(source: string, option: string, text: string): ParsedTemplate[] {
  try {
    return parseForEngine(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw templateFault({ option, text, at: 0 }, `this template cannot be read (${reason})`);
  }
}

/** A cell as the engine sees it: whatever a person sees as empty is nothing. */
function cellOf(value: JsonValue, html: 'to_text' | 'keep'): JsonValue | Refusal {
  if (Array.isArray(value)) return listOf(value, html);
  if (typeof value !== 'string') return value;
  const own = cellText(value);
  const text = html === 'to_text' ? htmlToText(own) : own;
  return text instanceof Refusal || !isEmpty(text) ? text : null;
}

function listOf(items: JsonValue[], html: 'to_text' | 'keep'): JsonValue | Refusal {
  const cells: JsonValue[] = [];
  for (const item of items) {
    const cell = cellOf(item, html);
    if (cell instanceof Refusal) return cell;
    cells.push(cell);
  }
  return isEmpty(cells) ? null : cells;
}

export type { ParsedTemplate };

/** A `{{...}}` of a template that the engine fills. */
export interface EngineHole {
  column: string;
  /** `optional`: it has a default. */
  need: 'needed' | 'optional';
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

const tagsKept = new Set(['if', 'unless']);

const engine = makeEngine();

function parseForEngine(source: string): ParsedTemplate[] {
  return engine.parse(source);
}

/**
 * The text, and every fault of the row that came up in filling it. The engine sees the cells, under names of ours, and
 * no more of the row.
 */
function fillWithEngine(
  parsed: ParsedTemplate[],
  cells: ReadonlyMap<string, JsonValue>,
  values: ReadonlyMap<string, JsonValue>,
  holes: readonly EngineHole[],
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
    operators: { ...defaultOperators, ...comparisons },
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
  if (need === 'needed' && isEmpty(text)) {
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
