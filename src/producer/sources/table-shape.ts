import { parse } from 'csv-parse/sync';
import { isBlank, trimCell } from '../rows/cell-text.js';
import { ColumnNames } from '../rows/row.js';

/** How a table is written, as far as its first rows tell. */
export interface TableShape {
  delimiter: string;
  /** Bytes of a line `sep=;`, which is for spreadsheets, and which they do not count as a row. */
  sepBytes: number;
  /** Cells of the first rows, where the header is looked for if it is not where it should be. */
  firstRows: readonly string[][];
}

export interface ShapeOptions {
  format: 'csv' | 'tsv';
  /** `--delimiter`; null: what fits. */
  asked: string | null;
  /** `--header-row`, from 1; null: the first row that has anything in it. */
  headerRow: number | null;
  /** Whether the head is the whole file: else its last row may be cut. */
  isWhole: boolean;
}

/** In this order where several fit alike: a tab stands in no text, and a comma in most. */
const delimiters = ['\t', ';', ',', '|'];
const mostRows = 50;
const sepLine = /^"?sep=(.)"?[;,\t| ]*(?:\r\n|\n|\r)/i;

/**
 * The separator of cells is what was asked for, else what a `sep=` line names, else the one under which the rows fit
 * the header; a tab for TSV.
 */
export function tableShape(head: string, options: ShapeOptions): TableShape {
  const sep = sepLine.exec(head);
  const text = sep === null ? head : head.slice(sep[0].length);
  const sepBytes = sep === null ? 0 : Buffer.byteLength(sep[0]);
  const told = toldDelimiter(options) ?? sep?.[1] ?? null;
  if (told !== null) {
    return { delimiter: told, sepBytes, firstRows: readRows(text, told, options) };
  }
  const readings = delimiters
    .map((delimiter) => ({ delimiter, rows: readRows(text, delimiter, options) }))
    .map((reading) => ({ ...reading, fit: fitOf(reading.rows, options.headerRow) }));
  const [best] = readings.filter(({ fit }) => fit.columns > 1).sort(byFit);
  // A table of one column: a comma in its text is then told as what it is.
  if (best === undefined) {
    const [widest] = readings.sort((left, right) => widestRow(right.rows) - widestRow(left.rows));
    return { delimiter: ',', sepBytes, firstRows: widest?.rows ?? [] };
  }
  return { delimiter: best.delimiter, sepBytes, firstRows: best.rows };
}

function toldDelimiter({ asked, format }: ShapeOptions): string | null {
  if (asked !== null) return asked === 'tab' || asked === '\\t' ? '\t' : asked;
  return format === 'tsv' ? '\t' : null;
}

/** Whatever the quotes are like: this only looks. */
function readRows(text: string, delimiter: string, { format, isWhole }: ShapeOptions): string[][] {
  const rows: string[][] = [];
  try {
    parse(text, {
      delimiter,
      quote: format === 'tsv' ? null : '"',
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: false,
      to: mostRows,
      on_record: (record: string[]) => {
        rows.push(record);
        return null;
      },
    });
  } catch {
    // A quote that is open at the end of the head: the rows before it are what there is to see.
    return rows;
  }
  if (!isWhole && rows.length < mostRows) rows.pop();
  return rows;
}

interface Fit {
  columns: number;
  /** 0 to 1.5, in twentieths: rows of just as many cells count once, narrower ones in part. */
  share: number;
  /** A bracket that is opened in one name and closed in the next: the separator stands in a name. */
  cutsNames: boolean;
}

function fitOf(rows: readonly string[][], headerRow: number | null): Fit {
  const at = headerIndex(rows, headerRow);
  const header = rows[at] ?? [];
  const below = rows.slice(at).filter(isFilled);
  const exact = below.filter((row) => row.length === header.length).length;
  const within = below.filter((row) => row.length > 1 && width(row) <= header.length).length;
  const share = (exact + within / 2) / Math.max(1, below.length);
  return {
    columns: header.length,
    share: Math.round(share * 20) / 20,
    cutsNames: header.some((name) => count(name, '(') !== count(name, ')')),
  };
}

function byFit({ fit: left }: { fit: Fit }, { fit: right }: { fit: Fit }): number {
  return (
    right.share - left.share ||
    right.columns - left.columns ||
    Number(left.cutsNames) - Number(right.cutsNames)
  );
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function isFilled(row: readonly string[]): boolean {
  return row.some((cell) => !isBlank(cell));
}

/** Cells up to the last one that shows anything. */
function width(row: readonly string[]): number {
  return row.findLastIndex((cell) => !isBlank(cell)) + 1;
}

function widestRow(rows: readonly string[][]): number {
  return Math.max(0, ...rows.map(width));
}

/**
 * The row, from 1, in which all these names stand that the header lacks: where they are found, the header is. Null
 * where there is no such row.
 */
export function rowWithNames(
  { firstRows }: TableShape,
  names: readonly string[],
  headerRow: number | null,
): number | null {
  if (names.length === 0) return null;
  const header = headerIndex(firstRows, headerRow);
  const found = firstRows.findIndex((cells, index) => {
    const columns = new ColumnNames(cells.map(trimCell));
    return index !== header && names.every((name) => columns.resolve(name) !== null);
  });
  return found < 0 ? null : found + 1;
}

function headerIndex(rows: readonly string[][], headerRow: number | null): number {
  return headerRow === null ? rows.findIndex(isFilled) : headerRow - 1;
}

/**
 * The row, from 1, that looks like the header where the one that is taken for it does not: it leaves several columns
 * without a name that hold something below, as a title above a table does. Null where the header looks like one.
 */
export function likelyHeaderRow(
  { firstRows }: TableShape,
  headerRow: number | null,
): number | null {
  const at = headerIndex(firstRows, headerRow);
  const header = firstRows[at];
  if (header === undefined || !isTitle(header, firstRows.slice(at + 1))) return null;
  const found = firstRows.findIndex(
    (row, index) => index > at && isHeader(row, firstRows.slice(index + 1)),
  );
  if (found < 0) return null;
  // Names for people first, names for programs below: the second are what the data goes by.
  const next = firstRows[found + 1] ?? [];
  const hasNames =
    isHeader(next, firstRows.slice(found + 2)) &&
    next.every((name) => /^[a-z][a-z0-9_]*$|^$/.test(name));
  return (hasNames ? found + 1 : found) + 1;
}

function isTitle(row: readonly string[], below: readonly string[][]): boolean {
  const columns = filledColumns(below);
  const unnamed = columns.filter((column) => isBlank(row[column] ?? ''));
  return columns.length > 1 && (unnamed.length > 1 || columns.length - unnamed.length === 0);
}

function isHeader(row: readonly string[], below: readonly string[][]): boolean {
  const columns = filledColumns(below);
  const names = columns.map((column) => trimCell(row[column] ?? ''));
  const isName = (text: string) =>
    text !== '' && text.length <= 60 && /\p{L}/u.test(text) && !text.includes('://');
  return names.length > 1 && names.every(isName) && new Set(names).size === names.length;
}

/** Columns that most rows have something in. */
function filledColumns(rows: readonly string[][]): number[] {
  const filled = rows.filter((row) => width(row) > 1);
  const widest = widestRow(filled);
  return Array.from({ length: widest }, (_, column) => column).filter((column) => {
    const holding = filled.filter((row) => !isBlank(row[column] ?? '')).length;
    return holding * 2 > filled.length;
  });
}
