import type { JsonValue } from '../../shared/json.js';
import { cellText } from '../cell-text.js';
import type { RowFault } from '../rejection.js';
import type { Row } from '../row.js';
import { Refusal } from './filter-values.js';
import { isEmptyValue } from './filters.js';
import { htmlToText } from './html-text.js';
import {
  type EngineHole,
  fillWithEngine,
  type ParsedTemplate,
  parseForEngine,
} from './liquid-engine.js';
import { EngineNames, rewriteFilters } from './rewrite-expression.js';
import type { TemplatePiece } from './scan-template.js';
import { TagNesting } from './tag-nesting.js';
import { templateFault } from './template-place.js';

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
    return fillWithEngine(this.#parsed, { cells, values, holes: this.#holes });
  }

  /** Text that could be read as a template stands in `raw`, and is handed on as a value. */
  #rewriteText(text: string): string {
    const isPlain = !/\{[{%]|\{$/.test(text);
    return isPlain ? text : `{{ ${this.#names.value(text)} }}`;
  }

  #rewriteHole({ column, filters, place }: HolePiece): string {
    const name = this.#names.column(column);
    const rewritten = rewriteFilters(filters, { names: this.#names, place });
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
  return text instanceof Refusal || !isEmptyValue(text) ? text : null;
}

function listOf(items: JsonValue[], html: 'to_text' | 'keep'): JsonValue | Refusal {
  const cells: JsonValue[] = [];
  for (const item of items) {
    const cell = cellOf(item, html);
    if (cell instanceof Refusal) return cell;
    cells.push(cell);
  }
  return cells.length === 0 ? null : cells;
}
