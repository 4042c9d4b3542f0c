import { behindInput, type Column, csvRow, csvRows } from '../../results/manifest-csv.js';
import type { JsonObject, JsonValue } from '../../shared/json.js';
import type { ManifestLine } from '../../shared/manifest-line.js';

/** A brief and the names that its files have. */
export interface DeliveredBrief {
  line: ManifestLine;
  /** Of its row. */
  input: JsonObject;
  files: readonly string[];
}

const columns: Column<DeliveredBrief>[] = [
  { name: 'file', value: ({ files }) => files.join(' | ') },
  { name: 'brief_id', value: ({ line }) => line.brief_id },
  { name: 'output', value: ({ line }) => line.output ?? '' },
  { name: 'text', value: ({ line }) => line.text ?? '' },
];

const rowsAtOnce = 500;

/** `approved.csv`: the input's columns, then the files, as they are called in its own folder. */
export async function* tableText(
  inputColumns: readonly string[],
  briefs: AsyncIterable<DeliveredBrief>,
): AsyncGenerator<string> {
  const all = behindInput(inputColumns, columns);
  let rows: JsonValue[][] = [all.map(({ name }) => name)];
  for await (const brief of briefs) {
    rows.push(csvRow(all, brief));
    if (rows.length < rowsAtOnce) continue;
    yield csvRows(rows);
    rows = [];
  }
  if (rows.length > 0) yield csvRows(rows);
}
