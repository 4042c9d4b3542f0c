import { pipeline } from 'node:stream';
import { CsvError, type Options, Parser } from 'csv-parse';
import type { BatchError } from '../../shared/errors.js';
import type { JsonValue } from '../../shared/json.js';
import { counted } from '../../shared/quantities.js';
import type { RowFault } from '../rejection.js';
import { isBlank, trimCell } from '../rows/cell-text.js';
import {
  ColumnNames,
  ROWS_PER_GROUP,
  type Row,
  type RowGroup,
  type UnreadableRow,
} from '../rows/row.js';
import { readText } from './read-text.js';
import { lineAtByte, type Source, sourceFault, type Table } from './source.js';

/** What is larger than this is a quote that was never closed, not a row. */
const LARGEST_ROW_CHARACTERS = 16 * 1024 * 1024;

/**
 * Rows of a CSV or TSV file, numbered as a spreadsheet does: the header is row 1, blank rows count
 * although they are skipped, and a cell with line breaks is still in one row.
 *
 * @throws BatchError `bad_input` for a header or a quote that makes the rest unreadable.
 */
export async function* readCsv(source: Source): AsyncGenerator<RowGroup> {
  const parser = new Parser(parserOptions(source));
  // The loop below meets the same error when it reads from the parser.
  pipeline(readText(source), parser, () => undefined);
  let header: CsvHeader | null = null;
  let group: RowGroup = [];
  let number = 0;
  try {
    for await (const record of parser) {
      const cells = record as string[];
      number++;
      if (header === null) {
        if (isAboveHeader(cells, number, source)) continue;
        header = readHeader(cells, source.table?.rowEnds ?? 'counted');
        continue;
      }
      if (cells.every(isBlank)) continue;
      group.push(readCsvRow(cells, header, number));
      if (group.length < ROWS_PER_GROUP) continue;
      yield group;
      group = [];
    }
  } catch (error) {
    throw error instanceof CsvError ? await csvFault(error, parser, source) : error;
  }
  if (group.length > 0) yield group;
}

function parserOptions(source: Source): Options {
  const quoting: Options = source.format === 'tsv' ? { quote: null } : {};
  return {
    ...quoting,
    delimiter: source.table?.delimiter ?? ',',
    // All three, because files put together from several sources mix them.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: false,
    max_record_size: LARGEST_ROW_CHARACTERS,
  };
}

/** @throws BatchError `bad_input` where nothing stands in the row that was said to be the header. */
function isAboveHeader(cells: readonly string[], number: number, source: Source): boolean {
  const headerRow = source.table?.headerRow ?? null;
  if (headerRow !== null && number < headerRow) return true;
  if (!cells.every(isBlank)) return false;
  if (headerRow === null) return true;
  throw sourceFault(source.label, `row ${headerRow} is empty, and --header-row names it`);
}

/** Names the row, and the line where the cell begins that could not be read. */
async function csvFault(error: CsvError, parser: Parser, source: Source): Promise<BatchError> {
  const line = await lineAtByte(source, source.skipBytes + parser.info.bytes);
  const position = `line ${line} (row ${parser.info.records + 1})`;
  return sourceFault(source.label, `${position}: ${describe(error)}`, error);
}

function describe({ code }: CsvError): string {
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quote is opened and never closed';
    case 'CSV_MAX_RECORD_SIZE':
      return 'the row is larger than 16 MB: a quote was probably never closed';
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'something follows a closing quote; a quote inside a quoted cell is written twice';
    case 'INVALID_OPENING_QUOTE':
      return 'a quote stands inside a cell; put the cell into quotes and write that quote twice';
    default:
      return `the table cannot be read (${code})`;
  }
}

/** The columns of a table, without what surrounds their names; columns that have none are nobody's. */
interface CsvHeader {
  columns: readonly string[];
  names: ColumnNames;
  positions: ReadonlyMap<string, number>;
  cellCount: number;
  rowEnds: Table['rowEnds'];
}

/** Columns of one name are told apart by a number: nobody may use them, and then they are no fault. */
function readHeader(cells: readonly string[], rowEnds: Table['rowEnds']): CsvHeader {
  const written = cells.map(trimCell);
  const positions = new Map<string, number>();
  for (const [position, name] of written.entries()) {
    if (name === '') continue;
    const isRepeated = written.indexOf(name) !== written.lastIndexOf(name);
    positions.set(isRepeated ? numbered(name, positions, written) : name, position);
  }
  const columns = [...positions.keys()];
  const names = new ColumnNames(columns);
  return { columns, names, positions, cellCount: cells.length, rowEnds };
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
function readCsvRow(
  cells: readonly string[],
  header: CsvHeader,
  number: number,
): Row | UnreadableRow {
  const isTooLong =
    header.rowEnds === 'counted' &&
    cells.length > header.cellCount &&
    !cells.slice(header.cellCount).every(isBlank);
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
    if (this.header.rowEnds === 'open') return 0;
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
