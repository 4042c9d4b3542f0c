import type { JsonValue } from '../../shared/json.js';

/** A column in brackets, as `["Care and cleaning"]`: any name at all can be written so. */
const bracketed = /\s*\[\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*\]\s*(?=\||\}\}|$)/sy;
const quoted = /^"((?:[^"\\]|\\.)*)"$|^'((?:[^'\\]|\\.)*)'$/s;
/** Decimal notation only: `0x10` or `1,5` in a spreadsheet is a slip, not a number. */
export const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

const words: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ['true', true],
  ['false', false],
  ['nil', null],
  ['null', null],
  ['empty', null],
  ['blank', null],
]);

export type Operand =
  | { kind: 'column'; column: string }
  /** Null stands for whatever is empty. */
  | { kind: 'value'; value: JsonValue };

/** The head of a hole, where it is in brackets; `end` is where the `|` or the `}}` begins. */
export function readBracketed(text: string, from: number): { column: string; end: number } | null {
  bracketed.lastIndex = from;
  const [matched, name] = bracketed.exec(text) ?? [];
  if (matched === undefined || name === undefined) return null;
  return { column: unquote(name.slice(1, -1)).trim(), end: from + matched.length };
}

/** One side of a comparison, or an argument; null where there is none. */
export function readOperand(written: string): Operand | null {
  const text = written.trim();
  if (text === '') return null;
  const inQuotes = quoted.exec(text);
  if (inQuotes) return { kind: 'value', value: unquote(inQuotes[1] ?? inQuotes[2] ?? '') };
  const inBrackets = readBracketed(text, 0);
  if (inBrackets?.end === text.length) return { kind: 'column', column: inBrackets.column };
  if (decimal.test(text)) {
    const number = Number(text);
    // One that is too large to be kept exactly stays as it is written.
    const isExact = !Number.isInteger(number) || Number.isSafeInteger(number);
    return { kind: 'value', value: isExact ? number : text };
  }
  const word = words.get(text);
  if (word !== undefined) return { kind: 'value', value: word };
  return { kind: 'column', column: text };
}

function unquote(text: string): string {
  return text.replace(/\\([nt"'\\])/g, (_escape, letter: string) => {
    if (letter === 'n') return '\n';
    return letter === 't' ? '\t' : letter;
  });
}
