import type { JsonObject, JsonValue } from '../../shared/json.js';
import type { RowFault } from '../rejection.js';
import { spelling, trimCell } from './cell-text.js';

/** Where in the input a row stands, as a person finds it. */
export interface RowPosition {
  source: string;
  row: number;
}

/** A row whose values can be asked for by column, whatever the format. */
export interface Row {
  /** `text`: every value is a cell's text. `json`: values have their JSON types. */
  readonly kind: 'text' | 'json';
  readonly number: number;
  /** The same array for every row of a CSV, so that what is derived from it can be kept. */
  readonly columns: readonly string[];
  /** How many cells fewer than the header a row of a table has; they count as empty. */
  readonly missingCells: number;
  /** Undefined where there is no such column. */
  get(column: string): JsonValue | undefined;
  /** The name in the file of a column as a person writes it, or null: exactly, as a path into JSON, or without regard to case and spaces. */
  nameOf(column: string): string | null;
  /** `get` of `nameOf`. */
  find(column: string): JsonValue | undefined;
}

export interface UnreadableRow {
  readonly kind: 'unreadable';
  readonly number: number;
  readonly fault: RowFault;
}

/** Rows come in groups: one `await` per row would cost as much as checking it. */
export type RowGroup = (Row | UnreadableRow)[];

export const ROWS_PER_GROUP = 256;

/**
 * The columns of a row as a person writes them: `variant price` finds `Variant Price`.
 * Exact names come first; a spelling that several columns share finds none of them.
 */
export class ColumnNames {
  readonly #exact: ReadonlySet<string>;
  /** Made at the first name that is not exact; null where several columns share a spelling. */
  #spellings: Map<string, string | null> | null = null;

  /** Of what was asked: the few names in the options are asked for in every row. */
  readonly #found = new Map<string, string | null>();

  constructor(readonly columns: readonly string[]) {
    this.#exact = new Set(columns);
  }

  /** The column's own name, or null where there is none. */
  resolve(wanted: string): string | null {
    if (this.#exact.has(wanted)) return wanted;
    let found = this.#found.get(wanted);
    if (found === undefined) {
      this.#spellings ??= this.#spell();
      found = this.#spellings.get(spelling(wanted)) ?? null;
      this.#found.set(wanted, found);
    }
    return found;
  }

  #spell(): Map<string, string | null> {
    const spellings = new Map<string, string | null>();
    for (const column of this.columns) {
      const key = spelling(column);
      spellings.set(key, spellings.has(key) ? null : column);
    }
    return spellings;
  }
}

const DEEPEST = 4;
/** More than this helps nobody. */
const MOST_PATHS = 200;

/** The ways into a row's objects and lists, such as `product.title`; of a list, into its first item. */
export function nestedPaths(row: Row): string[] {
  const paths: string[] = [];
  for (const column of row.columns) walk(row.get(column), [column], paths);
  return paths;
}

function walk(value: JsonValue | undefined, path: string[], paths: string[]): void {
  if (paths.length >= MOST_PATHS) return;
  const isNested = typeof value === 'object' && value !== null;
  if (!isNested && path.length > 1) paths.push(path.join('.'));
  if (!isNested || path.length >= DEEPEST) return;
  const entries: [string, JsonValue][] = Object.entries(
    Array.isArray(value) ? value.slice(0, 1) : value,
  );
  for (const [key, inner] of entries) walk(inner, [...path, key], paths);
}

/** The path that ends with what was asked for: `product.title` for `title`. */
export function pathTo(wanted: string, paths: readonly string[]): string | undefined {
  const end = `.${wanted}`.toLowerCase();
  return paths.find((path) => path.toLowerCase().endsWith(end));
}

/** What a row itself says in the columns that are ours, before the options complete it. */
export interface OwnFields {
  /** Null where the row has no such column; empty where it has and says nothing. */
  id: string | null;
  model: string | null;
  prompt: string | null;
  /** Values whose type is settled. */
  params: JsonObject;
  /** Params given as text, to be typed once the row's model is known. */
  textParams: readonly { column: string; key: string; text: string }[];
  references: readonly string[];
  metadata: JsonValue;
}

/**
 * `references` as one text: separated by `|`, which no URL holds unescaped, or a JSON list of texts. Shops write
 * several URLs with a comma, a semicolon, spaces or line breaks between them: they are several here, too, and are
 * never sent as one.
 */
export function splitReferences(text: string): string[] {
  const parts = listOfTexts(text) ?? text.split('|');
  return parts
    .flatMap(splitUrls)
    .map(trimCell)
    .filter((reference) => reference !== '');
}

/** Where a URL ends and the next one begins; one inside another, as in `?url=https://...`, is a part of it. */
export function splitUrls(text: string): string[] {
  if (!/^\s*https?:\/\//i.test(text)) return [text];
  const begins = [...text.matchAll(/https?:\/\//gi)]
    .map(({ index }) => index)
    .filter((index) => index > 0 && /[,;\s]/.test(text.charAt(index - 1)));
  return [0, ...begins].map((begin, at) => {
    let end = begins[at] ?? text.length;
    while (end > begin && /[,;\s]/.test(text.charAt(end - 1))) end--;
    return text.slice(begin, end);
  });
}

function listOfTexts(text: string): string[] | null {
  if (!/^\s*\[\s*"/.test(text)) return null;
  try {
    const list: unknown = JSON.parse(text);
    const texts = Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
    return Array.isArray(list) && texts.length === list.length ? texts : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
