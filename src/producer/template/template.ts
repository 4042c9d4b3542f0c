import type { JsonValue } from '../../shared/json.js';
import type { RowFault } from '../rejection.js';
import { cellText, isBlank } from '../rows/cell-text.js';
import type { Row } from '../rows/row.js';
import { EngineTemplate, emptyFault } from './engine.js';
import { asText, htmlToText, Refusal } from './filters.js';
import { scanTemplate, type TemplatePiece } from './scan.js';

/** What becomes of HTML in a value: text as a person reads it, or what the cell holds. */
export type HtmlRule = 'to_text' | 'keep';

/** Text with holes, filled from the columns of a row; what fills a hole is never read as a template itself. */
export interface Template {
  /** Every column that it names. */
  columns: readonly string[];
  /** Those without which it is never filled, whatever the row holds. */
  required: readonly string[];
  html: HtmlRule;
  filling: PlainFilling | EngineFilling;
}

/** Text and columns and nothing else: joined by hand, because most templates are that. */
interface PlainFilling {
  kind: 'plain';
  parts: readonly PlainPart[];
}

type PlainPart = { kind: 'text'; text: string } | { kind: 'column'; column: string };

/** One with filters or tags. */
interface EngineFilling {
  kind: 'engine';
  template: EngineTemplate;
}

/**
 * Reads `{{column}}`, filters behind a `|`, and `{% if %}` and its kin; `option` names where it stands in a fault's sentence.
 *
 * @throws BatchError `bad_input` that says where it cannot be understood.
 */
export function parseTemplate(text: string, option: string, html: HtmlRule = 'keep'): Template {
  const pieces = scanTemplate(option, text);
  if (pieces.some(needsEngine)) {
    const template = new EngineTemplate(option, text, pieces);
    const { columns, required } = template;
    return { columns, required, html, filling: { kind: 'engine', template } };
  }
  const parts = pieces.flatMap((piece): PlainPart[] => {
    if (piece.kind === 'text') return [piece];
    return piece.kind === 'hole' ? [{ kind: 'column', column: piece.column }] : [];
  });
  return plainTemplate(parts, html);
}

/** A template that is one column and nothing else. */
export function columnTemplate(column: string): Template {
  return plainTemplate([{ kind: 'column', column }], 'keep');
}

function needsEngine(piece: TemplatePiece): boolean {
  return piece.kind === 'tag' || (piece.kind === 'hole' && piece.filters !== '');
}

function plainTemplate(parts: PlainPart[], html: HtmlRule): Template {
  const named = parts.flatMap((part) => (part.kind === 'column' ? [part.column] : []));
  const columns = [...new Set(named)];
  return { columns, required: columns, html, filling: { kind: 'plain', parts } };
}

/** The filled text, or null with one fault for each column that has nothing to fill in. */
export function renderTemplate(template: Template, row: Row, faults: RowFault[]): string | null {
  const { filling, html } = template;
  if (filling.kind === 'plain') return renderParts(filling.parts, { row, html }, faults);
  const filled = filling.template.fill(row, html);
  for (const fault of filled.faults) addOnce(faults, fault);
  return filled.faults.length === 0 ? filled.text : null;
}

function renderParts(
  parts: readonly PlainPart[],
  { row, html }: { row: Row; html: HtmlRule },
  faults: RowFault[],
): string | null {
  let rendered = '';
  let complete = true;
  for (const part of parts) {
    if (part.kind === 'text') {
      rendered += part.text;
      continue;
    }
    const value = row.find(part.column);
    const own = typeof value === 'string' ? cellText(value) : textOf(value);
    const text = own !== null && html === 'to_text' ? htmlToText(own) : own;
    if (typeof text !== 'string' || isBlank(text)) {
      complete = false;
      addOnce(
        faults,
        fillFault(part.column, text instanceof Refusal ? text : asText(value ?? null)),
      );
    } else {
      rendered += text;
    }
  }
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
