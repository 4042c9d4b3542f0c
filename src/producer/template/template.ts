import type { DraftPart, DraftText, FileHole, TextHole } from '../../shared/draft.js';
import type { JsonValue } from '../../shared/json.js';
import type { RowFault } from '../rejection.js';
import { cellText, isBlank } from '../rows/cell-text.js';
import type { Row } from '../rows/row.js';
import { EngineTemplate, emptyFault, holeOf } from './engine.js';
import { asText, htmlToText, Refusal } from './filters.js';
import { type NameReader, type OutputResult, scanTemplate, type TemplatePiece } from './scan.js';

/** What becomes of HTML in a value: text as a person reads it, or what the cell holds. */
export type HtmlRule = 'to_text' | 'keep';

/** Text with holes, filled from the columns of a row; what fills a hole is never read as a template itself. */
export interface Template {
  /** Every column that it names. */
  columns: readonly string[];
  /** Those without which it is never filled, whatever the row holds. */
  required: readonly string[];
  /** What it takes of other outputs: with any, a row alone does not fill it. */
  results: readonly OutputResult[];
  html: HtmlRule;
  filling: PlainFilling | EngineFilling;
}

/** Text and columns and nothing else: joined by hand, because most templates are that. */
interface PlainFilling {
  kind: 'plain';
  parts: readonly PlainPart[];
}

type PlainPart =
  | { kind: 'text'; text: string }
  | { kind: 'column'; column: string }
  | { kind: 'hole'; hole: TextHole | FileHole };

/** One with filters or tags. */
interface EngineFilling {
  kind: 'engine';
  template: EngineTemplate;
}

/**
 * Reads `{{column}}`, filters behind a `|`, and `{% if %}` and its kin; `option` names where it stands in a fault's sentence.
 * Every name is a column's unless `names` says otherwise.
 *
 * @throws BatchError `bad_input` that says where it cannot be understood.
 */
export function parseTemplate(
  text: string,
  option: string,
  html: HtmlRule = 'keep',
  names: NameReader = everyColumn,
): Template {
  const pieces = scanTemplate(option, text, names);
  const results = pieces.flatMap((piece) => (piece.kind === 'output' ? [piece.of] : []));
  if (pieces.some(needsEngine)) {
    const template = new EngineTemplate(option, text, pieces, names);
    const { columns, required } = template;
    return { columns, required, results, html, filling: { kind: 'engine', template } };
  }
  const parts = pieces.flatMap((piece): PlainPart[] => {
    if (piece.kind === 'text') return [piece];
    if (piece.kind === 'output') return [{ kind: 'hole', hole: holeOf(piece) }];
    return piece.kind === 'hole' ? [{ kind: 'column', column: piece.column }] : [];
  });
  return plainTemplate(parts, { results, html });
}

function everyColumn() {
  return { kind: 'column' } as const;
}

/** A template that is one column and nothing else. */
export function columnTemplate(column: string): Template {
  return plainTemplate([{ kind: 'column', column }], { results: [], html: 'keep' });
}

function needsEngine(piece: TemplatePiece): boolean {
  return piece.kind === 'tag' || (piece.kind === 'hole' && piece.filters !== '');
}

function plainTemplate(
  parts: PlainPart[],
  { results, html }: Pick<Template, 'results' | 'html'>,
): Template {
  const named = parts.flatMap((part) => (part.kind === 'column' ? [part.column] : []));
  const columns = [...new Set(named)];
  return { columns, required: columns, results, html, filling: { kind: 'plain', parts } };
}

/** The filled text, or null with one fault for each column that has nothing to fill in. */
export function renderTemplate(template: Template, row: Row, faults: RowFault[]): string | null {
  const parts = renderParts(template, row, faults);
  if (parts === null) return null;
  const [text = '', ...more] = parts;
  if (typeof text === 'string' && more.length === 0) return text;
  throw new RangeError('the template waits for what other outputs make');
}

/** The same of words that may wait for the texts of other outputs; a text where they wait for none. */
export function renderText(
  template: Template,
  row: Row,
  faults: RowFault[],
): string | DraftText | null {
  if (template.results.length === 0) return renderTemplate(template, row, faults);
  const parts = renderParts(template, row, faults);
  if (parts === null) return null;
  const text = parts.filter((part) => typeof part === 'string' || 'text' in part);
  const [only = '', ...more] = text;
  return typeof only === 'string' && more.length === 0 ? only : text;
}

/** The same of a template that may wait for other outputs: texts next to each other are one, and none is empty. */
export function renderParts(
  { filling, html }: Template,
  row: Row,
  faults: RowFault[],
): DraftPart[] | null {
  if (filling.kind === 'plain') return fillPlain(filling.parts, { row, html }, faults);
  const filled = filling.template.fill(row, html);
  for (const fault of filled.faults) addOnce(faults, fault);
  return filled.faults.length === 0 ? filled.parts : null;
}

function fillPlain(
  parts: readonly PlainPart[],
  { row, html }: { row: Row; html: HtmlRule },
  faults: RowFault[],
): DraftPart[] | null {
  const rendered: DraftPart[] = [];
  let text = '';
  let complete = true;
  for (const part of parts) {
    if (part.kind === 'text') {
      text += part.text;
      continue;
    }
    if (part.kind === 'hole') {
      if (text !== '') rendered.push(text);
      text = '';
      rendered.push(part.hole);
      continue;
    }
    const value = row.find(part.column);
    const own = typeof value === 'string' ? cellText(value) : textOf(value);
    const cell = own !== null && html === 'to_text' ? htmlToText(own) : own;
    if (typeof cell !== 'string' || isBlank(cell)) {
      complete = false;
      addOnce(
        faults,
        fillFault(part.column, cell instanceof Refusal ? cell : asText(value ?? null)),
      );
    } else {
      text += cell;
    }
  }
  if (text !== '') rendered.push(text);
  return complete ? rendered : null;
}

/** Numbers and booleans as text; null for what has no plain text, or would not be the number in the file. */
export function textOf(value: JsonValue | undefined): string | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return String(value);
    case 'number':
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? null : String(value);
    default:
      return null;
  }
}

function fillFault(column: string, text: string | Refusal): RowFault {
  if (!(text instanceof Refusal)) return emptyFault(column);
  return { kind: text.kind, column, reason: text.reason };
}

/** Two templates may need the same empty column: one fault is enough. */
function addOnce(faults: RowFault[], fault: RowFault): void {
  if (faults.some(({ kind, column }) => kind === fault.kind && column === fault.column)) return;
  faults.push(fault);
}
