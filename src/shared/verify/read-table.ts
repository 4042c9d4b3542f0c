import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';

export type TableReading =
  | { kind: 'absent' }
  | { kind: 'unreadable'; reason: string }
  /** `unknownIds`: briefs that have a row here and that `isKnown` does not know. */
  | { kind: 'read'; rows: number; unknownIds: string[] };

/** Counts the data rows of `manifest.csv`, in constant memory, and says which briefs only it knows. */
export async function readTable(
  path: string,
  isKnown: (briefId: string) => boolean,
): Promise<TableReading> {
  let rows = -1;
  let idColumn = -1;
  const unknownIds: string[] = [];
  // Somebody may have opened and saved it: the number of rows counts, not how cells are quoted.
  const parser = parse({ bom: true, relax_column_count: true, relax_quotes: true });
  try {
    await pipeline(createReadStream(path), parser, async (records: AsyncIterable<string[]>) => {
      for await (const cells of records) {
        rows += 1;
        const id = idOf(cells[idColumn]);
        if (rows === 0) idColumn = cells.findLastIndex((name) => /^(result_)*brief_id$/.test(name));
        else if (id !== null && !id.some(isKnown)) unknownIds.push(id[0]);
      }
    });
  } catch (error) {
    return explain(error);
  }
  return rows < 0
    ? { kind: 'unreadable', reason: 'it is empty' }
    : { kind: 'read', rows, unknownIds };
}

/** The id that a cell stands for, and the cell as it is: a formula's apostrophe is not part of the id. */
function idOf(cell: string | undefined): [string, string] | null {
  return cell === undefined ? null : [cell.replace(/^'(?=[=+\-@\t\r＝＋－＠])/, ''), cell];
}

function explain(error: unknown): TableReading {
  if (error instanceof CsvError) return { kind: 'unreadable', reason: error.message };
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return { kind: 'absent' };
  if (typeof code === 'string') return { kind: 'unreadable', reason: code };
  throw error;
}
