import type { JsonValue } from '../../shared/json.js';
import { filterNamed, unknownFilter } from './filters.js';
import { readOperand } from './read-literal.js';
import { type TemplatePlace, templateFault } from './template-place.js';

/**
 * The names under which the engine knows columns and literals. It is given nothing else to read, so that neither a
 * header nor a literal can be taken for something that it would act on.
 */
export class EngineNames {
  readonly columns = new Map<string, string>();
  readonly values = new Map<string, JsonValue>();

  column(column: string): string {
    const name = this.columns.get(column) ?? `c${this.columns.size}`;
    this.columns.set(column, name);
    return name;
  }

  value(value: JsonValue): string {
    const name = `v${this.values.size}`;
    this.values.set(name, value);
    return name;
  }
}

export interface Rewriting {
  names: EngineNames;
  place: TemplatePlace;
}

const quoted = `"(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'`;
const symbols = '==|!=|<>|>=|<=|>|<';
const operandOf = (end: string) =>
  new RegExp(`\\s*((?:\\[\\s*)?(?:${quoted})(?:\\s*\\])?|(?!${end}).+?)(?=\\s*$|${end})`, 'sy');
const conditionOperand = operandOf(`\\s*(?:${symbols})|\\s+(?:and|or|contains)\\s`);
const conditionOperator = new RegExp(`\\s*(${symbols}|and|or|contains)`, 'y');
const choiceOperand = operandOf('\\s*,|\\s+or\\s');
const choiceSeparator = /\s*(,|or)/y;
const argumentOperand = operandOf('\\s*,');
const argumentSeparator = /\s*(,)/y;
const filter = new RegExp(`\\s*([^\\s:|]+)\\s*(?::((?:[^"'|]|${quoted})*))?\\s*(?:\\||$)`, 'sy');

/** `Title (en) == "x" and Color`, with the engine's names for columns and literals. */
export function rewriteCondition(text: string, rewriting: Rewriting): string {
  const parts = split(text, { operand: conditionOperand, separator: conditionOperator }, rewriting);
  return parts
    .map(({ operand, separator }) => {
      const operator = separator === '<>' ? '!=' : separator;
      return `${rewriteOperand(operand, rewriting)} ${operator}`;
    })
    .join(' ');
}

/** The choices of a `when`: a number or a boolean is also met by a cell that shows it. */
export function rewriteChoices(text: string, rewriting: Rewriting): string {
  const parts = split(text, { operand: choiceOperand, separator: choiceSeparator }, rewriting);
  return parts
    .flatMap(({ operand }) => {
      const read = readOperand(operand);
      const name = rewriteOperand(operand, rewriting);
      if (read?.kind !== 'value' || read.value === null) return [name];
      return [name, ...shownAs(read.value).map((shown) => rewriting.names.value(shown))];
    })
    .join(', ');
}

export function rewriteOperand(text: string, { names, place }: Rewriting): string {
  const operand = readOperand(text);
  if (operand === null) throw templateFault(place, 'something is missing in it');
  // In a comparison, "" is what an empty cell is.
  if (operand.kind === 'value') return names.value(operand.value === '' ? null : operand.value);
  refuseBar(operand.column, text, place);
  return names.column(operand.column);
}

/** `default: "lamp" | upper`, checked filter by filter. */
export function rewriteFilters(text: string, rewriting: Rewriting): string {
  let rewritten = '';
  filter.lastIndex = 0;
  while (filter.lastIndex < text.length) {
    const from = filter.lastIndex;
    const [matched, name = '', written = ''] = filter.exec(text) ?? [];
    if (matched === undefined) {
      throw templateFault(rewriting.place, `"${text.slice(from).trim()}" is no filter`);
    }
    rewritten += ` | ${rewriteFilter(name, written, rewriting)}`;
  }
  return rewritten;
}

function rewriteFilter(name: string, written: string, rewriting: Rewriting): string {
  const { names, place } = rewriting;
  const known = filterNamed(name);
  if (known === null) throw templateFault(place, unknownFilter(name));
  const pattern = { operand: argumentOperand, separator: argumentSeparator };
  const given = written.trim() === '' ? [] : split(written, pattern, rewriting);
  const [least, most] = known.takes;
  if (given.length < least || given.length > most) {
    const takes = least === most ? String(least) : `${least} to ${most}`;
    throw templateFault(place, `the filter "${name}" takes ${takes} values, not ${given.length}`);
  }
  const values = given.map(({ operand }) => {
    const read = readOperand(operand);
    if (read === null) throw templateFault(place, `the filter "${name}" lacks a value`);
    return read.kind === 'column' ? names.column(read.column) : names.value(read.value);
  });
  return values.length === 0 ? name : `${name}: ${values.join(', ')}`;
}

interface Part {
  operand: string;
  /** What follows the operand; empty at the end. */
  separator: string;
}

function split(
  text: string,
  { operand, separator }: { operand: RegExp; separator: RegExp },
  { place }: Rewriting,
): Part[] {
  const parts: Part[] = [];
  let position = 0;
  for (;;) {
    operand.lastIndex = position;
    const found = operand.exec(text)?.[1];
    if (found === undefined) throw templateFault(place, 'something is missing in it');
    position = operand.lastIndex;
    separator.lastIndex = position;
    const between = separator.exec(text)?.[1] ?? '';
    parts.push({ operand: found, separator: between });
    if (between === '') return parts;
    position = separator.lastIndex;
  }
}

function shownAs(value: JsonValue): string[] {
  if (typeof value === 'number') return [String(value)];
  return typeof value === 'boolean'
    ? [String(value), value ? 'TRUE' : 'FALSE', value ? 'True' : 'False']
    : [];
}

function refuseBar(column: string, text: string, place: TemplatePlace): void {
  if (!column.includes('|') || text.trim().startsWith('[')) return;
  const reason = `a filter cannot stand in a condition; a column with "|" in its name is written ["..."]`;
  throw templateFault(place, reason);
}
