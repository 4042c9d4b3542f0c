import { defaultOperators, Liquid, type Template as ParsedTemplate } from 'liquidjs';
import type { DraftPart, FileHole, TextHole } from '../../shared/draft.js';
import type { JsonValue } from '../../shared/json.js';
import type { RowFault } from '../rejection.js';
import { cellText } from '../rows/cell-text.js';
import { comparisons, isEmpty } from '../rows/compare.js';
import type { Row } from '../rows/row.js';
import { allFilters, asText, htmlToText, longestText, Refusal, tooLong } from './filters.js';
import { EngineNames, fixedFilters, rewriteFilters, rewriteFixed, TagNesting } from './rewrite.js';
import { type NameReader, type TemplatePiece, templateFault } from './scan.js';

type HolePiece = Extract<TemplatePiece, { kind: 'hole' }>;
export type OutputPiece = Extract<TemplatePiece, { kind: 'output' }>;

/** A template with filters or tags, put into words that are the engine's and ours alone. */
export class EngineTemplate {
  readonly columns: readonly string[];
  readonly required: readonly string[];
  readonly #names: EngineNames;
  readonly #nesting: TagNesting;
  readonly #holes: EngineHole[] = [];
  /** Those for other outputs; while there are any, a text that could be taken for one is masked. */
  readonly #open: (TextHole | FileHole)[] = [];
  readonly #parsed: ParsedTemplate[];

  /** @throws BatchError `bad_input` that says where it cannot be understood. */
  constructor(option: string, text: string, pieces: readonly TemplatePiece[], meaning: NameReader) {
    this.#names = new EngineNames(meaning);
    this.#nesting = new TagNesting(this.#names);
    const required = new Set<string>();
    const masks = pieces.some(({ kind }) => kind === 'output');
    const source = pieces.map((piece) => {
      if (piece.kind === 'text') return this.#rewriteText(masks ? masked(piece.text) : piece.text);
      if (piece.kind === 'tag') return this.#nesting.rewrite(piece);
      if (piece.kind === 'output') {
        this.#open.push(holeOf(piece));
        return `{{ ${this.#names.value(`${mask}${this.#open.length - 1};`)} }}`;
      }
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

  /** What there is but for results of other outputs; one text where it waits for none. */
  fill(row: Row, html: 'to_text' | 'keep'): { parts: DraftPart[]; faults: RowFault[] } {
    const cells = new Map<string, JsonValue>();
    const faults: RowFault[] = [];
    for (const [column, name] of this.#names.columns) {
      const cell = cellOf(row.find(column) ?? null, html);
      if (cell instanceof Refusal) faults.push({ kind: cell.kind, column, reason: cell.reason });
      else cells.set(name, cell);
    }
    if (faults.length > 0) return { parts: [], faults };
    const masks = this.#open.length > 0;
    const { values } = this.#names;
    const filled = fillWithEngine(this.#parsed, { cells, values, masks }, this.#holes);
    const parts = masks ? unmask(filled.text, this.#open) : [filled.text];
    return { parts, faults: filled.faults };
  }

  /** Text that could be read as a template stands in `raw`, and is handed on as a value. */
  #rewriteText(text: string): string {
    const isPlain = !/\{[{%]|\{$/.test(text);
    return isPlain ? text : `{{ ${this.#names.value(text)} }}`;
  }

  #rewriteHole({ column, filters, position }: HolePiece): string {
    const name = this.#names.column(column);
    const rewritten = rewriteFilters(filters, this.#names, position);
    this.#holes.push({ column, need: needOf(rewritten) });
    return `{{ ${name}${rewritten} | fill: ${this.#holes.length - 1} }}`;
  }
}

/** Begins the place of an open hole in a filled text; in texts of the row, it stands for itself with an `e` behind it. */
const mask = '\uffff';
const maskedOnes = /\uffff(?:e|(\d+);)/;

function masked(text: string): string {
  return text.replaceAll(mask, `${mask}e`);
}

/** The texts and holes of a filled text, in their order. */
function unmask(filled: string, holes: readonly (TextHole | FileHole)[]): DraftPart[] {
  const parts: DraftPart[] = [];
  let text = '';
  // Every second one is what was found in place of a hole: its number, or nothing for a masked character.
  for (const [index, piece] of filled.split(maskedOnes).entries()) {
    if (index % 2 === 0) text += piece;
    else if (piece === undefined) text += mask;
    else {
      if (text !== '') parts.push(text);
      text = '';
      const hole = holes[Number(piece)];
      if (hole !== undefined) parts.push(hole);
    }
  }
  if (text !== '') parts.push(text);
  return parts;
}

/** @throws BatchError `bad_input` for filters that need the row */
export function holeOf({ of, filters, position }: OutputPiece): TextHole | FileHole {
  const { output, field } = of;
  if (field === 'text') return { output, text: fixedFilters(filters, position) };
  if (filters === '') return { output, file: true };
  throw templateFault(position, `no filter can be put on the file of ${output}`);
}

/** What is put into a hole once its text is known. */
export function fillTextHole(
  { output, text: filters }: TextHole,
  answer: string,
): { text: string; faults: RowFault[] } {
  const names = new EngineNames(() => ({ kind: 'column' }));
  const column = `outputs.${output}.text`;
  const rewritten = rewriteFixed(filters, names);
  const source = `{{ ${names.column(column)}${rewritten} | fill: 0 }}`;
  const cell = cellOf(answer, 'keep');
  if (cell instanceof Refusal) {
    return { text: '', faults: [{ kind: cell.kind, column, reason: cell.reason }] };
  }
  const cells = new Map([[names.column(column), cell]]);
  const hole = { column, need: needOf(rewritten) };
  return fillWithEngine(parseForEngine(source), { cells, values: names.values, masks: false }, [
    hole,
  ]);
}

function needOf(rewrittenFilters: string): EngineHole['need'] {
  return /\| default:/.test(rewrittenFilters) ? 'optional' : 'needed';
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
  masks: boolean;
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
  {
    cells,
    values,
    masks,
  }: {
    cells: ReadonlyMap<string, JsonValue>;
    values: ReadonlyMap<string, JsonValue>;
    masks: boolean;
  },
  holes: readonly EngineHole[],
): { text: string; faults: RowFault[] } {
  const progress: Progress = { holes, cells, masks, length: 0, refusals: [], faults: [] };
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
  if (progress.length <= longestText) return progress.masks ? masked(text) : text;
  progress.faults.push({ kind: tooLong.kind, column: null, reason: tooLong.reason });
  return '';
}

export function emptyFault(column: string): RowFault {
  return { kind: 'empty_value', column, reason: `"${column}" is empty, and a template needs it` };
}
