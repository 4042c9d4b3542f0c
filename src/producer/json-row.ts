import { isTooDeep, type JsonObject, type JsonValue } from '../shared/json.js';
import { ColumnNames } from './column-names.js';
import { isSameList } from './column-plan.js';
import { isJsonObject } from './own-fields.js';
import type { RowFault } from './rejection.js';
import type { Row, UnreadableRow } from './row.js';

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
