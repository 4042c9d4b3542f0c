import type { JsonValue } from '../shared/json.js';
import { counted } from '../shared/quantities.js';
import { ColumnNames } from './column-names.js';
import type { RowFault } from './rejection.js';
import type { Row, UnreadableRow } from './row.js';
import { type Source, sourceFault } from './source.js';

/** The columns of a table, with spaces around their names removed. */
export interface CsvHeader {
  columns: readonly string[];
  names: ColumnNames;
  positions: ReadonlyMap<string, number>;
  cellCount: number;
  /** Positions of columns without a name, which must stay empty. */
  unnamed: readonly number[];
}

/** @throws BatchError `bad_input` naming the columns that are there twice. */
export function readHeader(cells: readonly string[], source: Source): CsvHeader {
  const positions = new Map<string, number>();
  const unnamed: number[] = [];
  const repeated = new Set<string>();
  for (const [position, cell] of cells.entries()) {
    const name = cell.trim();
    if (name === '') unnamed.push(position);
    else if (positions.has(name)) repeated.add(name);
    else positions.set(name, position);
  }
  if (repeated.size > 0) {
    const names = [...repeated].map((name) => `"${name}"`).join(', ');
    throw sourceFault(source.label, `the header names ${names} more than once`);
  }
  const columns = [...positions.keys()];
  const names = new ColumnNames(columns);
  return { columns, names, positions, cellCount: cells.length, unnamed };
}

/** @throws BatchError `bad_input` where a column without a name holds something. */
export function readCsvRow(
  cells: readonly string[],
  { header, number, source }: { header: CsvHeader; number: number; source: Source },
): Row | UnreadableRow {
  if (cells.length !== header.cellCount) {
    return { kind: 'unreadable', number, fault: cellCountFault(cells.length, header.cellCount) };
  }
  for (const position of header.unnamed) {
    if (cells[position] === '') continue;
    throw sourceFault(
      source.label,
      `column ${position + 1} has no name in the header, but something in row ${number}`,
    );
  }
  return new CsvRow(number, header, cells);
}

class CsvRow implements Row {
  readonly kind = 'text';

  constructor(
    readonly number: number,
    private readonly header: CsvHeader,
    private readonly cells: readonly string[],
  ) {}

  get columns(): readonly string[] {
    return this.header.columns;
  }

  get(column: string): JsonValue | undefined {
    const position = this.header.positions.get(column);
    return position === undefined ? undefined : this.cells[position];
  }

  nameOf(column: string): string | null {
    return this.header.names.resolve(column);
  }

  find(column: string): JsonValue | undefined {
    const name = this.nameOf(column);
    return name === null ? undefined : this.get(name);
  }
}

function cellCountFault(actual: number, expected: number): RowFault {
  const reason =
    actual < expected
      ? `the row has only ${counted(actual, 'cell')}, and the header has ${expected}`
      : `the row has ${counted(actual, 'cell')}, and the header has only ${expected}; text with a delimiter in it needs quotes`;
  return { kind: 'wrong_cell_count', column: null, reason };
}
