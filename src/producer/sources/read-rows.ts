import type { RowGroup } from '../rows/row.js';
import { readCsv } from './read-csv.js';
import { readJson, readJsonLines } from './read-json.js';
import type { Source } from './source.js';

export function readRows(source: Source): AsyncGenerator<RowGroup> {
  switch (source.format) {
    case 'csv':
    case 'tsv':
    case 'xlsx':
      return readCsv(source);
    case 'json':
      return readJson(source);
    case 'jsonl':
      return readJsonLines(source);
    default:
      return source.format satisfies never;
  }
}

export function noRowsReason({ format }: Source): string {
  const isTable = format === 'csv' || format === 'tsv';
  return isTable ? 'has no rows (at most a header)' : 'has no briefs in it';
}
