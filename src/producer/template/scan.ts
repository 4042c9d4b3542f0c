import { BatchError } from '../../shared/errors.js';
import { filterNamed } from './filters.js';
import { readBracketed } from './read-literal.js';

/** A template cut at its `{{...}}` and `{%...%}`, nothing of them understood yet. */
export type TemplatePiece =
  | { kind: 'text'; text: string }
  /** `filters`: what follows the first `|`; empty where there is none. */
  | { kind: 'hole'; column: string; filters: string; position: TemplatePosition }
  /** One for what another output makes. */
  | { kind: 'output'; of: OutputResult; filters: string; position: TemplatePosition }
  | {
      kind: 'tag';
      name: string;
      rest: string;
      open: string;
      close: string;
      position: TemplatePosition;
    };

/** The text or the file that another output of the row makes. */
export interface OutputResult {
  output: string;
  field: 'text' | 'file';
}

/** What a name in a template stands for; one in brackets is a column's, and nobody is asked. */
export type NameMeaning =
  | { kind: 'column' }
  | { kind: 'output'; of: OutputResult }
  | { kind: 'refused'; reason: string };

export type NameReader = (name: string) => NameMeaning;

/** Quotes hide what they hold only behind the column's name: `Maker's mark` is a name. */
const filtersOfHole = /((?:[^"'}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\}(?!\}))*)\}\}/sy;
const tag = /\{%(-?)\s*(#|[A-Za-z]\w*)?(.*?)(-?)%\}/sy;
const notClosed = 'a "{{" has no closing "}}", or a quote in it is not closed';

/** @throws BatchError `bad_input` where something that is opened is not closed, or names nothing. */
export function scanTemplate(option: string, text: string, names: NameReader): TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let position = 0;
  while (position < text.length) {
    const at = nextOpening(text, position);
    if (at > position) pieces.push({ kind: 'text', text: text.slice(position, at) });
    if (at === text.length) break;
    const begin = { option, text, at };
    const { piece, end } = text[at + 1] === '{' ? readHole(begin, names) : readTag(begin);
    if (piece !== null) pieces.push(piece);
    position = end;
  }
  return pieces;
}

function nextOpening(text: string, from: number): number {
  const found = /\{[{%]/g;
  found.lastIndex = from;
  return found.exec(text)?.index ?? text.length;
}

interface Read {
  /** Null for a comment. */
  piece: TemplatePiece | null;
  end: number;
}

function readHole(position: TemplatePosition, names: NameReader): Read {
  const { text, at } = position;
  const bracketed = readBracketed(text, at + 2);
  const headEnd = bracketed?.end ?? endOfName(position);
  const column = bracketed?.column ?? text.slice(at + 2, headEnd).trim();
  if (column === '') throw templateFault(position, '"{{}}" names no column');
  const meaning: NameMeaning = bracketed === null ? names(column) : { kind: 'column' };
  if (meaning.kind === 'refused') throw templateFault(position, meaning.reason);
  const { filters, end } = readFiltersOfHole(position, headEnd);
  const piece: TemplatePiece =
    meaning.kind === 'column'
      ? { kind: 'hole', column, filters, position }
      : { kind: 'output', of: meaning.of, filters, position };
  return { piece, end };
}

function readFiltersOfHole(
  position: TemplatePosition,
  headEnd: number,
): { filters: string; end: number } {
  const { text } = position;
  if (text[headEnd] !== '|') return { filters: '', end: headEnd + 2 };
  filtersOfHole.lastIndex = headEnd + 1;
  const [matched, filters = ''] = filtersOfHole.exec(text) ?? [];
  if (matched === undefined) throw templateFault(position, notClosed);
  return { filters, end: headEnd + 1 + matched.length };
}

/**
 * Where the `|` or the `}}` behind the name begins. A `|` that no filter follows is part of the name: any header can be
 * written as it is.
 */
function endOfName({ text, at, option }: TemplatePosition): number {
  const close = text.indexOf('}}', at + 2);
  if (close < 0) throw templateFault({ option, text, at }, 'a "{{" has no closing "}}"');
  const bar = text.indexOf('|', at + 2);
  if (bar < 0 || bar > close) return close;
  const [, filter = ''] = /^\|\s*([^\s:|}]*)/.exec(text.slice(bar, close)) ?? [];
  return filterNamed(filter) === null ? close : bar;
}

function readTag(position: TemplatePosition): Read {
  const { text, at } = position;
  tag.lastIndex = at;
  const [matched, left = '', name = '', rest = '', right = ''] = tag.exec(text) ?? [];
  if (matched === undefined) throw templateFault(position, 'a "{%" has no closing "%}"');
  const end = at + matched.length;
  if (name === '#') return { piece: null, end };
  if (name === 'raw' || name === 'comment') return readVerbatim(position, name, end);
  const piece: TemplatePiece = {
    kind: 'tag',
    name,
    rest: rest.trim(),
    open: `{%${left}`,
    close: `${right}%}`,
    position,
  };
  return { piece, end };
}

/** What stands in `raw` is text whatever it is, and what stands in `comment` is nothing. */
function readVerbatim(position: TemplatePosition, name: 'raw' | 'comment', from: number): Read {
  const close = name === 'raw' ? /\{%-?\s*endraw\s*-?%\}/g : /\{%-?\s*endcomment\s*-?%\}/g;
  close.lastIndex = from;
  const found = close.exec(position.text);
  if (found === null) throw templateFault(position, `a "{% ${name} %}" has no "{% end${name} %}"`);
  const text = position.text.slice(from, found.index);
  const isText = name === 'raw' && text !== '';
  return { piece: isText ? { kind: 'text', text } : null, end: close.lastIndex };
}

/** Where in an option's text something stands. */
export interface TemplatePosition {
  /** The option or the file; begins every sentence. */
  option: string;
  text: string;
  /** Position in the text, from 0. */
  at: number;
}

/** A fault of the template itself, as a sentence that says where. */
export function templateFault(position: TemplatePosition, reason: string): BatchError {
  const { option, text, at } = position;
  const before = text.slice(0, at).split('\n');
  const character = `character ${(before.at(-1) ?? '').length + 1}`;
  const where = text.includes('\n') ? `line ${before.length}, ${character}` : character;
  return new BatchError('bad_input', `${option}: ${reason} (${where}).`);
}
