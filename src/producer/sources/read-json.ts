import { readFile } from 'node:fs/promises';
import { isTooDeep, type JsonObject, type JsonValue } from '../../shared/json.js';
import type { RowFault } from '../rejection.js';
import { isSameList } from '../rows/read-fields.js';
import {
  ColumnNames,
  isJsonObject,
  ROWS_PER_GROUP,
  type Row,
  type RowGroup,
  type UnreadableRow,
} from '../rows/row.js';
import { proveText, readText } from './read-text.js';
import { type Source, sourceFault } from './source.js';

/** A little below the longest string that the engine can hold. */
const LARGEST_FILE_BYTES = 512_000_000;

/**
 * Items of a JSON file, numbered from 1. The file is held in memory whole.
 *
 * @throws BatchError `bad_input` for a file that is too large, is not JSON, or is no list of briefs.
 */
export async function* readJson(source: Source): AsyncGenerator<RowGroup> {
  if (source.bytes > LARGEST_FILE_BYTES) {
    throw sourceFault(
      source.label,
      `is larger than ${LARGEST_FILE_BYTES / 1e6} MB; use JSON Lines (.jsonl, one brief a line), which is read piece by piece`,
    );
  }
  const items = await readItems(source);
  for (let start = 0; start < items.length; start += ROWS_PER_GROUP) {
    const group = items.slice(start, start + ROWS_PER_GROUP);
    yield group.map((item, position) => readJsonRow(item, start + position + 1));
  }
}

async function readItems(source: Source): Promise<unknown[]> {
  const bytes = (await readFile(source.path)).subarray(source.skipBytes);
  await proveText(bytes, source.skipBytes, source);
  const found = findItems(parseJson(bytes.toString('utf8'), source), source.items);
  if (found.kind === 'refused') throw sourceFault(source.label, found.reason);
  return found.items;
}

function parseJson(text: string, source: Source): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const fault = findJsonFault(text);
    const where =
      fault === null ? '' : ` (line ${fault.line}, column ${fault.column}: ${fault.what})`;
    throw sourceFault(source.label, `is not JSON${where}`, error);
  }
}

/** A line is one brief; what is larger is a file without line breaks. */
const LARGEST_LINE_CHARACTERS = 16 * 1024 * 1024;

/**
 * Rows of JSON Lines, numbered by their line in the file; blank lines count although they are skipped.
 * A line that is not JSON is a fault of that row alone.
 */
export async function* readJsonLines(source: Source): AsyncGenerator<RowGroup> {
  let number = 0;
  let group: RowGroup = [];
  for await (const lines of readLines(source)) {
    for (const line of lines) {
      number++;
      if (line.trim() === '') continue;
      group.push(readLine(line, number));
      if (group.length < ROWS_PER_GROUP) continue;
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

async function* readLines(source: Source): AsyncGenerator<string[]> {
  let unfinished = '';
  let linesBefore = 0;
  for await (const piece of readText(source)) {
    const lines = piece.toString('utf8').split('\n');
    // Only what is new is looked through: a line of many pieces would be for each of them.
    lines[0] = unfinished + (lines[0] ?? '');
    unfinished = lines.pop() ?? '';
    linesBefore += lines.length;
    if (unfinished.length > LARGEST_LINE_CHARACTERS) {
      const reason = `line ${linesBefore + 1} is larger than 16 MB; JSON Lines has one brief a line`;
      throw sourceFault(source.label, reason);
    }
    yield lines;
  }
  yield [unfinished];
}

function readLine(line: string, number: number): Row | UnreadableRow {
  try {
    return readJsonRow(JSON.parse(line), number);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: 'unreadable', number, fault: notJson(line) };
  }
}

function notJson(line: string): RowFault {
  const fault = findJsonFault(line);
  const where = fault === null ? '' : ` (column ${fault.column}: ${fault.what})`;
  return { kind: 'not_json', column: null, reason: `the line is not JSON${where}` };
}

/** One item of JSON or JSON Lines; whatever is not an object is a fault of that row. */
export function readJsonRow(item: unknown, number: number): Row | UnreadableRow {
  if (!isJsonObject(item)) return { kind: 'unreadable', number, fault: notAnObject(item) };
  return isTooDeep(item)
    ? { kind: 'unreadable', number, fault: tooDeep }
    : new JsonRow(number, item);
}

class JsonRow implements Row {
  readonly kind = 'json';
  readonly missingCells = 0;
  readonly columns: readonly string[];

  constructor(
    readonly number: number,
    private readonly item: JsonObject,
  ) {
    this.columns = Object.keys(item);
  }

  /** A key of exactly that name first, else a path such as `product.title`. */
  get(column: string): JsonValue | undefined {
    if (Object.hasOwn(this.item, column)) return this.item[column];
    return column.includes('.') ? valueAtPath(this.item, column.split('.')) : undefined;
  }

  nameOf(column: string): string | null {
    return this.get(column) !== undefined ? column : namesOf(this.columns).resolve(column);
  }

  find(column: string): JsonValue | undefined {
    return this.get(this.nameOf(column) ?? column);
  }
}

let latest = new ColumnNames([]);

/** Neighbours in JSON mostly have the same keys. */
function namesOf(columns: readonly string[]): ColumnNames {
  if (!isSameList(latest.columns, columns)) latest = new ColumnNames(columns);
  return latest;
}

function valueAtPath(item: JsonObject, path: string[]): JsonValue | undefined {
  let value: JsonValue | undefined = item;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    // A list is walked by position: `images.0.url`.
    value = (value as JsonObject)[key];
  }
  return value;
}

const tooDeep: RowFault = {
  kind: 'wrong_type',
  column: null,
  reason: 'its values are nested more than 100 levels deep',
};

function notAnObject(item: unknown): RowFault {
  const what = Array.isArray(item) ? 'a list' : item === null ? 'null' : `a ${typeof item}`;
  return {
    kind: 'not_an_object',
    column: null,
    reason: `a brief must be an object such as {"id":"1","prompt":"..."}, and this is ${what}`,
  };
}

type FoundItems = { kind: 'found'; items: unknown[] } | { kind: 'refused'; reason: string };

/**
 * The list of briefs in a JSON file: where `path` leads, as in `data.products`; without one, the file itself, its
 * `briefs`, or its only list of objects, as the answer of a shop's API has it.
 */
function findItems(file: unknown, path: string | null): FoundItems {
  if (path !== null) return itemsAt(file, path);
  if (Array.isArray(file)) return { kind: 'found', items: file };
  if (!isJsonObject(file)) return noList;
  if (Object.hasOwn(file, 'briefs')) {
    const { briefs } = file;
    // Members beside them would be passed over, whatever they were meant to do.
    const alone = Array.isArray(briefs) && Object.keys(file).length === 1;
    return alone ? { kind: 'found', items: briefs } : noList;
  }
  const lists = Object.entries(file).filter(([, value]) => isListOfObjects(value));
  const [only] = lists;
  if (only === undefined) return noList;
  if (lists.length === 1) return { kind: 'found', items: only[1] as unknown[] };
  const names = lists.map(([name]) => `--items ${name}`).join(' or ');
  return { kind: 'refused', reason: `holds several lists: say which with ${names}` };
}

const noList: FoundItems = {
  kind: 'refused',
  reason:
    'must be a list of briefs, or {"briefs":[...]} and nothing else, or name its list with --items',
};

function itemsAt(file: unknown, path: string): FoundItems {
  let value = file;
  for (const key of path.split('.')) {
    const inside = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    if (!inside) return { kind: 'refused', reason: `has nothing at --items ${path}: no "${key}"` };
    value = (value as Record<string, unknown>)[key];
  }
  return Array.isArray(value)
    ? { kind: 'found', items: value }
    : { kind: 'refused', reason: `has no list at --items ${path}` };
}

function isListOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isJsonObject);
}

/** Where a text first stops being JSON; line and column from 1. */
export interface JsonFault {
  line: number;
  column: number;
  what: string;
}

type Token = { kind: 'string' | 'scalar' | Punctuation; end: number };
type Punctuation = '{' | '}' | '[' | ']' | ':' | ',';
type Expecting = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'nothing';

const SPACE = /[ \t\r\n]*/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Walks a text that `JSON.parse` has refused: the engine names a position only sometimes,
 * and differently in every version. Null where nothing is wrong.
 */
export function findJsonFault(text: string): JsonFault | null {
  const open: ('{' | '[')[] = [];
  let expecting: Expecting = 'value';
  let at = matchEnd(SPACE, text, 0) ?? 0;
  while (at < text.length) {
    const token = readToken(text, at);
    const next: Expecting | null = token === null ? null : step(expecting, token.kind, open);
    if (token === null || next === null) return faultAt(text, at, `unexpected ${shown(text, at)}`);
    expecting = next;
    at = matchEnd(SPACE, text, token.end) ?? token.end;
  }
  return expecting === 'nothing' ? null : faultAt(text, at, 'the text ends too early');
}

function readToken(text: string, at: number): Token | null {
  const character = text[at];
  switch (character) {
    case '{':
    case '}':
    case '[':
    case ']':
    case ':':
    case ',':
      return { kind: character, end: at + 1 };
    case '"': {
      const end = stringEnd(text, at);
      return end === null ? null : { kind: 'string', end };
    }
    default: {
      const end = matchEnd(SCALAR, text, at);
      return end === null ? null : { kind: 'scalar', end };
    }
  }
}

/** What may come after this token, or null where the token may not stand here. */
function step(expecting: Expecting, token: Token['kind'], open: ('{' | '[')[]): Expecting | null {
  switch (expecting) {
    case 'value':
      return beginValue(token, open);
    case 'value or ]':
      return token === ']' ? closed(open) : beginValue(token, open);
    case 'key':
      return token === 'string' ? ':' : null;
    case 'key or }':
      if (token === '}') return closed(open);
      return token === 'string' ? ':' : null;
    case ':':
      return token === ':' ? 'value' : null;
    case ', or end': {
      const isObject = open.at(-1) === '{';
      if (token === ',') return isObject ? 'key' : 'value';
      return token === (isObject ? '}' : ']') ? closed(open) : null;
    }
    case 'nothing':
      return null;
    default:
      return expecting satisfies never;
  }
}

function beginValue(token: Token['kind'], open: ('{' | '[')[]): Expecting | null {
  if (token === '{' || token === '[') {
    open.push(token);
    return token === '{' ? 'key or }' : 'value or ]';
  }
  if (token !== 'string' && token !== 'scalar') return null;
  return afterValue(open);
}

function closed(open: ('{' | '[')[]): Expecting {
  open.pop();
  return afterValue(open);
}

function afterValue(open: ('{' | '[')[]): Expecting {
  return open.length > 0 ? ', or end' : 'nothing';
}

/** Position after the closing quote; null for an open end, a bad escape or a bare control character. */
function stringEnd(text: string, start: number): number | null {
  let at = start + 1;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === '"') return at + 1;
    if (character < ' ') return null;
    const next = character === '\\' ? matchEnd(ESCAPE, text, at) : at + 1;
    if (next === null) return null;
    at = next;
  }
  return null;
}

function matchEnd(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

function faultAt(text: string, at: number, what: string): JsonFault {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: at - lineStart + 1, what };
}

function shown(text: string, at: number): string {
  const rest = /^"?[^\s,:{}[\]"]*/.exec(text.slice(at, at + 20))?.[0];
  return rest === undefined || rest === '' ? (text[at] ?? '') : rest;
}
