import { BatchError } from '../shared/errors.js';
import type { JsonValue } from '../shared/json.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';

/** Text with holes, each filled from one column; what fills a hole is never read as a template itself. */
export interface Template {
  parts: readonly TemplatePart[];
  columns: readonly string[];
}

type TemplatePart = { kind: 'text'; text: string } | { kind: 'column'; column: string };

/** Splits at `{{column}}`; `option` names the place in a fault's sentence. */
export function parseTemplate(text: string, option: string): Template {
  const parts: TemplatePart[] = [];
  let position = 0;
  for (;;) {
    const open = text.indexOf('{{', position);
    if (open < 0) break;
    const close = text.indexOf('}}', open + 2);
    if (close < 0) throw new BatchError('bad_input', `${option}: a "{{" has no closing "}}".`);
    const column = text.slice(open + 2, close).trim();
    if (column === '') throw new BatchError('bad_input', `${option}: "{{}}" names no column.`);
    if (open > position) parts.push({ kind: 'text', text: text.slice(position, open) });
    parts.push({ kind: 'column', column });
    position = close + 2;
  }
  if (position < text.length) parts.push({ kind: 'text', text: text.slice(position) });
  const columns = parts.flatMap((part) => (part.kind === 'column' ? [part.column] : []));
  return { parts, columns: [...new Set(columns)] };
}

/** A template that is one column and nothing else. */
export function columnTemplate(column: string): Template {
  return { parts: [{ kind: 'column', column }], columns: [column] };
}

/** The filled text, or null with one fault for each column that has nothing to fill in. */
export function renderTemplate(template: Template, row: Row, faults: RowFault[]): string | null {
  let rendered = '';
  let complete = true;
  for (const part of template.parts) {
    if (part.kind === 'text') {
      rendered += part.text;
      continue;
    }
    const value = row.find(part.column);
    const text = typeof value === 'string' ? value : textOf(value);
    if (text === null || isBlank(text)) {
      complete = false;
      addOnce(faults, fillFault(part.column, value));
    } else {
      rendered += text;
    }
  }
  return complete ? rendered : null;
}

/** True for an empty cell, and for one that only holds spaces. */
export function isBlank(text: string): boolean {
  return !/\S/.test(text);
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

function fillFault(column: string, value: JsonValue | undefined): RowFault {
  if (typeof value === 'number') {
    return {
      kind: 'wrong_type',
      column,
      reason: 'the number is too large to be kept exactly: write it in quotes',
    };
  }
  if (typeof value === 'object' && value !== null) {
    const what = Array.isArray(value) ? 'a list' : 'an object';
    return { kind: 'wrong_type', column, reason: `${what} cannot be put into text` };
  }
  return { kind: 'empty_value', column, reason: `"${column}" is empty, and a template needs it` };
}

/** Two templates may need the same empty column: one fault is enough. */
function addOnce(faults: RowFault[], fault: RowFault): void {
  if (faults.some(({ kind, column }) => kind === fault.kind && column === fault.column)) return;
  faults.push(fault);
}
