import { type Mapping, paramKeyOf } from './mapping.js';

/** What each column of a row is for. */
export interface ColumnPlan {
  columns: readonly string[];
  params: readonly { column: string; key: string }[];
  /** The user's own columns, with the JSON text that stands before the value. */
  input: readonly { column: string; prefix: string }[];
}

/**
 * Keeps the last plan: all rows of a CSV, and most neighbours in JSON, have the same columns.
 */
export class ColumnPlanner {
  #plan: ColumnPlan = { columns: [], params: [], input: [] };

  constructor(private readonly mapping: Mapping) {}

  planFor(columns: readonly string[]): ColumnPlan {
    if (!isSameList(this.#plan.columns, columns)) this.#plan = this.#makePlan(columns);
    return this.#plan;
  }

  #makePlan(columns: readonly string[]): ColumnPlan {
    const params: { column: string; key: string }[] = [];
    const input: { column: string; prefix: string }[] = [];
    for (const column of columns) {
      const key = paramKeyOf(column);
      if (key !== null) params.push({ column, key });
      else if (!this.mapping.ownColumns.has(column)) {
        input.push({ column, prefix: `${input.length > 0 ? ',' : ''}${JSON.stringify(column)}:` });
      }
    }
    return { columns, params, input };
  }
}

export function isSameList(left: readonly string[], right: readonly string[]): boolean {
  if (left === right) return true;
  return left.length === right.length && left.every((name, position) => name === right[position]);
}
