import type { JsonValue } from '../shared/json.js';
import { counted } from '../shared/quantities.js';
import { isBlank, trimCell } from './cell-text.js';
import { ColumnNames } from './column-names.js';
import type { RowFault } from './rejection.js';
import type { Row, UnreadableRow } from './row.js';

/** The columns of a table, without what surrounds their names; columns that have none are nobody's. */
export interface CsvHeader {
  columns: readonly string[];
  names: ColumnNames;
  positions: ReadonlyMap<string, number>;
  cellCount: number;
}

/** Columns of one name are told apart by a number: nobody may use them, and then they are no fault. */
export function readHeader(cells: readonly string[]): CsvHeader {
  const names = cells.map(trimCell);
  const positions = new Map<string, number>();
  for (const [position, name] of names.entries()) {
    if (name === '') continue;
    const isRepeated = names.indexOf(name) !== names.lastIndexOf(name);
    positions.set(isRepeated ? numbered(name, positions, names) : name, position);
  }
  const columns = [...positions.keys()];
  return { columns, names: new ColumnNames(columns), positions, cellCount: cells.length };
}

function numbered(
  name: string,
  taken: ReadonlyMap<string, number>,
  names: readonly string[],
): string {
  for (let number = 1; ; number++) {
    const candidate = `${name} (${number})`;
    if (!taken.has(candidate) && !names.includes(candidate)) return candidate;
  }
}

/** How often a name stood in the header, where that is more than once. */
export function repeatsOf(name: string, columns: readonly string[]): readonly string[] {
  if (columns.includes(name)) return [];
  const begin = `${name} (`;
  const repeats = columns.filter(
    (column) => column.startsWith(begin) && /^\d+\)$/.test(column.slice(begin.length)),
  );
  return repeats.length > 1 ? repeats : [];
}

/** Cells that are missing at the end are empty, and further ones that are empty are none. */
export function readCsvRow(
  cells: readonly string[],
  header: CsvHeader,
  number: number,
): Row | UnreadableRow {
  const isTooLong =
    cells.length > header.cellCount && !cells.slice(header.cellCount).every(isBlank);
  return isTooLong
    ? { kind: 'unreadable', number, fault: cellCountFault(cells.length, header.cellCount) }
    : new CsvRow(number, header, cells);
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

  get missingCells(): number {
    return Math.max(0, this.header.cellCount - this.cells.length);
  }

  get(column: string): JsonValue | undefined {
    const position = this.header.positions.get(column);
    return position === undefined ? undefined : (this.cells[position] ?? '');
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
  const reason = `the row has ${counted(actual, 'cell')}, and the header has only ${expected}; text with the separator in it needs quotes, and another separator is named with --delimiter`;
  return { kind: 'wrong_cell_count', column: null, reason };
}
