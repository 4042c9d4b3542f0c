import type { DraftFilter } from '../../shared/draft.js';
import type { JsonValue } from '../../shared/json.js';
import { counted } from '../../shared/quantities.js';
import { comparisonFault } from '../rows/compare.js';
import { filterNamed, unknownFilter } from './filters.js';
import { type Operand, readOperand } from './read-literal.js';
import {
  type NameReader,
  type TemplatePiece,
  type TemplatePosition,
  templateFault,
} from './scan.js';

/**
 * The names under which the engine knows columns and literals. It is given nothing else to read, so that neither a
 * header nor a literal can be taken for something that it would act on.
 */
export class EngineNames {
  readonly columns = new Map<string, string>();
  readonly values = new Map<string, JsonValue>();

  constructor(private readonly meaning: NameReader) {}

  /** Of a name as it is written in a condition or behind a filter, where only the row is looked at. */
  operand(column: string, written: string, position: TemplatePosition): string {
    const meaning = written.trim().startsWith('[') ? null : this.meaning(column);
    if (meaning?.kind === 'refused') throw templateFault(position, meaning.reason);
    if (meaning?.kind !== 'output') return this.column(column);
    const reason = `"${column}" is not known before ${meaning.of.output} is made: it can only be put into the text, between braces of its own`;
    throw templateFault(position, reason);
  }

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
function rewriteCondition(text: string, names: EngineNames, position: TemplatePosition): string {
  const parts = split(text, { operand: conditionOperand, separator: conditionOperator }, position);
  return parts
    .map(({ operand, separator }, index) => {
      refuseUncomparable(operand, separator, position);
      refuseUncomparable(operand, parts[index - 1]?.separator ?? '', position);
      const operator = separator === '<>' ? '!=' : separator;
      return `${rewriteOperand(operand, names, position)} ${operator}`;
    })
    .join(' ');
}

function refuseUncomparable(text: string, operator: string, position: TemplatePosition): void {
  const operand = readOperand(text);
  const fault = operand?.kind === 'value' ? comparisonFault(operator, operand.value) : null;
  if (fault !== null) throw templateFault(position, fault);
}

/** The choices of a `when`, compared with what its `case` names. */
function rewriteChoices(
  subject: string,
  text: string,
  names: EngineNames,
  position: TemplatePosition,
): string {
  const parts = split(text, { operand: choiceOperand, separator: choiceSeparator }, position);
  return parts
    .map(({ operand }) => `${subject} == ${rewriteOperand(operand, names, position)}`)
    .join(' or ');
}

function rewriteOperand(text: string, names: EngineNames, position: TemplatePosition): string {
  const operand = readOperand(text);
  if (operand === null) throw templateFault(position, 'something is missing in it');
  // In a comparison, "" is what an empty cell is.
  if (operand.kind === 'value') return names.value(operand.value === '' ? null : operand.value);
  refuseBar(operand.column, text, position);
  return names.operand(operand.column, text, position);
}

interface WrittenFilter {
  name: string;
  values: { written: string; operand: Operand }[];
}

/** `default: "lamp" | upper`, checked filter by filter. */
function readFilters(text: string, position: TemplatePosition): WrittenFilter[] {
  const filters: WrittenFilter[] = [];
  filter.lastIndex = 0;
  while (filter.lastIndex < text.length) {
    const from = filter.lastIndex;
    const [matched, name = '', written = ''] = filter.exec(text) ?? [];
    if (matched === undefined) {
      throw templateFault(position, `"${text.slice(from).trim()}" is not a filter`);
    }
    filters.push({ name, values: readValues(name, written, position) });
  }
  return filters;
}

function readValues(
  name: string,
  written: string,
  position: TemplatePosition,
): WrittenFilter['values'] {
  const known = filterNamed(name);
  if (known === null) throw templateFault(position, unknownFilter(name));
  const pattern = { operand: argumentOperand, separator: argumentSeparator };
  const given = written.trim() === '' ? [] : split(written, pattern, position);
  const [least, most] = known.takes;
  if (given.length < least || given.length > most) {
    const takes = least === most ? counted(least, 'value') : `${least} to ${most} values`;
    throw templateFault(position, `the filter "${name}" takes ${takes}, not ${given.length}`);
  }
  return given.map((part) => {
    const operand = readOperand(part.operand);
    if (operand === null) throw templateFault(position, `the filter "${name}" lacks a value`);
    return { written: part.operand, operand };
  });
}

/** The filters of a hole for a column, in the engine's words. */
export function rewriteFilters(
  text: string,
  names: EngineNames,
  position: TemplatePosition,
): string {
  return readFilters(text, position)
    .map(({ name, values }) => {
      const words = values.map(({ written, operand }) =>
        operand.kind === 'column'
          ? names.operand(operand.column, written, position)
          : names.value(operand.value),
      );
      return filterWords(name, words);
    })
    .join('');
}

function filterWords(name: string, values: readonly string[]): string {
  return values.length === 0 ? ` | ${name}` : ` | ${name}: ${values.join(', ')}`;
}

/** Those of a hole for another output's text: when it is filled, the row is not there any more. */
export function fixedFilters(text: string, position: TemplatePosition): DraftFilter[] {
  return readFilters(text, position).map(({ name, values }) => [
    name,
    ...values.map(({ operand }) => {
      if (operand.kind === 'value') return operand.value;
      const reason = `the filter "${name}" takes only values in quotes and numbers here, and "${operand.column}" is a column: the text comes when the row has been read`;
      throw templateFault(position, reason);
    }),
  ]);
}

/** `fixedFilters` in the engine's words. */
export function rewriteFixed(filters: readonly DraftFilter[], names: EngineNames): string {
  return filters
    .map(([name, ...values]) =>
      filterWords(
        name,
        values.map((value) => names.value(value)),
      ),
    )
    .join('');
}

interface Part {
  operand: string;
  /** What follows the operand; empty at the end. */
  separator: string;
}

function split(
  text: string,
  { operand, separator }: { operand: RegExp; separator: RegExp },
  position: TemplatePosition,
): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (;;) {
    operand.lastIndex = at;
    const found = operand.exec(text)?.[1];
    if (found === undefined) throw templateFault(position, 'something is missing in it');
    at = operand.lastIndex;
    separator.lastIndex = at;
    const between = separator.exec(text)?.[1] ?? '';
    parts.push({ operand: found, separator: between });
    if (between === '') return parts;
    at = separator.lastIndex;
  }
}

function refuseBar(column: string, text: string, position: TemplatePosition): void {
  if (!column.includes('|') || text.trim().startsWith('[')) return;
  const reason = `a filter cannot stand in a condition; a column with "|" in its name is written ["..."]`;
  throw templateFault(position, reason);
}

type TagPiece = Extract<TemplatePiece, { kind: 'tag' }>;
type BlockName = 'if' | 'unless' | 'case';

interface OpenBlock {
  name: BlockName;
  position: TemplatePosition;
  /** The engine's name for what a `case` is about; empty in the others. */
  subject: string;
  /** What has come inside it last. */
  branch: 'none' | 'first' | 'else';
}

const known = 'if, elsif, else, unless, case, when, comment and raw';

/** Checks the tags of a template one by one, and puts them into the engine's words. */
export class TagNesting {
  readonly #open: OpenBlock[] = [];

  constructor(private readonly names: EngineNames) {}

  /** Whether what comes next may be left out. */
  get isInside(): boolean {
    return this.#open.length > 0;
  }

  rewrite(piece: TagPiece): string {
    return `${piece.open} ${this.#rewriteTag(piece)} ${piece.close}`;
  }

  /** To be called at the end. */
  close(): void {
    const block = this.#open.at(-1);
    if (block === undefined) return;
    throw templateFault(block.position, `a "{% ${block.name} %}" has no "{% end${block.name} %}"`);
  }

  #rewriteTag({ name, rest, position }: TagPiece): string {
    const { names } = this;
    switch (name) {
      case 'if':
      case 'unless':
        this.#open.push({ name, position, subject: '', branch: 'first' });
        return `${name} ${rewriteCondition(rest, names, position)}`;
      // The engine's own `case` compares in its own way. Before the first `when`, nothing counts.
      case 'case':
        this.#open.push({
          name,
          position,
          subject: rewriteOperand(rest, names, position),
          branch: 'none',
        });
        return `if ${names.value(false)}`;
      case 'elsif':
        this.#branch(position, { name, inside: ['if', 'unless'] });
        return `elsif ${rewriteCondition(rest, names, position)}`;
      case 'when':
        this.#branch(position, { name, inside: ['case'] });
        return `elsif ${rewriteChoices(this.#open.at(-1)?.subject ?? '', rest, names, position)}`;
      case 'else':
        refuseRest(position, name, rest);
        this.#branch(position, { name, inside: ['if', 'unless', 'case'] });
        return name;
      case 'endif':
      case 'endunless':
      case 'endcase':
        refuseRest(position, name, rest);
        this.#end(position, name);
        return name === 'endcase' ? 'endif' : name;
      default:
        throw templateFault(position, `there is no tag "${name}": there are ${known}`);
    }
  }

  #branch(
    position: TemplatePosition,
    { name, inside }: { name: string; inside: BlockName[] },
  ): void {
    const block = this.#open.at(-1);
    if (block === undefined || !inside.includes(block.name)) {
      throw templateFault(position, `"{% ${name} %}" stands outside of "{% ${inside[0]} %}"`);
    }
    if (block.branch === 'else') {
      throw templateFault(position, `"{% ${name} %}" stands behind "{% else %}"`);
    }
    if (name === 'else' && block.branch === 'none') {
      throw templateFault(position, '"{% else %}" stands before the first "{% when %}"');
    }
    block.branch = name === 'else' ? 'else' : 'first';
  }

  #end(position: TemplatePosition, name: string): void {
    const block = this.#open.pop();
    if (block === undefined || name !== `end${block.name}`) {
      const begun = name.slice('end'.length);
      throw templateFault(position, `"{% ${name} %}" ends no "{% ${begun} %}"`);
    }
    if (block.branch !== 'none') return;
    throw templateFault(block.position, 'a "{% case %}" has no "{% when %}"');
  }
}

function refuseRest(position: TemplatePosition, name: string, rest: string): void {
  if (rest !== '')
    throw templateFault(position, `"${name}" takes nothing behind it, such as "${rest}"`);
}
