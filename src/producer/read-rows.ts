import { readCsv } from './read-csv.js';
import { readJson } from './read-json.js';
import { readJsonLines } from './read-json-lines.js';
import type { RowGroup } from './row.js';
import type { Source } from './source.js';

export function readRows(source: Source): AsyncGenerator<RowGroup> {
  switch (source.format) {
    case 'csv':
    case 'tsv':
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
  return isTable ? 'has a header at most, and no rows' : 'has no briefs in it';
}
