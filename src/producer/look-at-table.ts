import { rm } from 'node:fs/promises';
import { makeInputFolder } from './compile-input.js';
import { isBlank, spelling, trimCell } from './rows/cell-text.js';
import { IdCandidates } from './rows/id-candidates.js';
import { type Row, splitReferences } from './rows/row.js';
import { openSource, type SourceOptions } from './sources/open-source.js';
import { readRows } from './sources/read-rows.js';
import type { Source } from './sources/source.js';
import { textOf } from './template/template.js';
import { InputWarnings } from './warnings.js';

/** What the first rows of a file tell of it: enough to propose what could be made of them, of a file of any size. */
export interface TableLook {
  /** Whose export it is, by its header; null where it is nobody's that we know. */
  shop: 'Shopify' | 'WooCommerce' | 'Google Merchant' | null;
  /** Where the header was found to be below other rows, from 1; null where it is the first row. */
  headerRow: number | null;
  columns: readonly string[];
  /** The first ones as cells, in the order of the columns. */
  shown: readonly (readonly string[])[];
  /** Rows in all; `about` where it was reckoned from the size of the first ones. */
  rows: RowCount;
  /** Those of them that are called something. */
  named: RowCount;
  bytes: number;
  /** A column that is different in every row, and empty in none; null where there is none. */
  id: string | null;
  /** What a row is called; null where no column is text. */
  title: { column: string; isSometimesEmpty: boolean } | null;
  /** Whether rows have a prompt or a model of their own. */
  has: { prompt: boolean; model: boolean };
  /** A column with https addresses of pictures, and how many a cell has at most; null where there is none. */
  pictures: { column: string; most: number } | null;
}

interface RowCount {
  count: number;
  kind: 'exact' | 'about';
}

/** Enough to tell columns apart; more is read by the check. */
const mostRows = 200;
const rowsShown = 3;
/** Names of reports and dates stand above a header; further down is nothing of the kind. */
const lastHeaderRow = 8;

/** @throws BatchError `bad_input` with what is wrong with the file as a whole */
export async function lookAtTable(file: string, options: SourceOptions): Promise<TableLook> {
  const folder = await makeInputFolder();
  try {
    const place = { folder, warnings: new InputWarnings() };
    const source = await openSource(file, options, place);
    const first = await readFirst(source);
    if (options.headerRow != null || source.table === null) {
      return describeTable(source, first, null);
    }
    const below = await findHeaderBelow(first, (headerRow) =>
      openSource(file, { ...options, headerRow }, place).then(readFirst),
    );
    return describeTable(source, below?.first ?? first, below?.headerRow ?? null);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface FirstRows {
  columns: readonly string[];
  rows: Row[];
  isWhole: boolean;
}

async function readFirst(source: Source): Promise<FirstRows> {
  const rows: Row[] = [];
  let isWhole = true;
  for await (const group of readRows(source)) {
    for (const row of group) if (row.kind !== 'unreadable') rows.push(row);
    if (rows.length < mostRows) continue;
    isWhole = false;
    break;
  }
  const columns = new Set(rows.slice(0, mostRows).flatMap((row) => [...row.columns]));
  return { columns: [...columns], rows, isWhole };
}

/** The title of a report has a cell or two, with more of them below; null where the first row is the header. */
async function findHeaderBelow(
  first: FirstRows,
  readWith: (headerRow: number) => Promise<FirstRows>,
): Promise<{ headerRow: number; first: FirstRows } | null> {
  // Amazon's templates have names for people in the second row, and those of its fields in the third.
  const isAmazons = first.columns.some((column) => column.startsWith('TemplateType='));
  if (!isAmazons && first.columns.length > 2) return null;
  for (let headerRow = isAmazons ? 3 : 2; headerRow <= lastHeaderRow; headerRow++) {
    // An empty row is no header, and is refused as one.
    const below = await readWith(headerRow).catch(() => null);
    if (below === null || below.rows.length === 0) continue;
    // Numbers and the like are no names.
    if (!below.columns.every((column) => /\p{L}/u.test(column))) continue;
    if (below.columns.length > first.columns.length) return { headerRow, first: below };
  }
  return null;
}

function describeTable(
  source: Source,
  { columns, rows, isWhole }: FirstRows,
  headerRow: number | null,
): TableLook {
  const title = findTitle(columns, rows);
  const named = title === null ? rows : rows.filter((row) => !isBlank(cell(row, title.column)));
  const candidates = new IdCandidates();
  for (const row of named) candidates.note(row);
  const shop = shopOf(columns);
  const ids = candidates.list();
  const inAll: RowCount = isWhole
    ? { count: rows.length, kind: 'exact' }
    : { count: reckonRows(source, { columns, rows }), kind: 'about' };
  const share = rows.length === 0 ? 0 : named.length / rows.length;
  const sku = ids.find((column) => spelling(column) === 'sku');
  return {
    shop,
    headerRow,
    columns,
    shown: named.slice(0, rowsShown).map((row) => columns.map((column) => cell(row, column))),
    rows: inAll,
    named: { ...inAll, count: Math.round(inAll.count * share) },
    bytes: source.bytes,
    id:
      ids.find((column) => spelling(column) === 'id' && shop !== 'WooCommerce') ??
      sku ??
      ids[0] ??
      null,
    title,
    has: { prompt: isFilled('prompt', rows), model: isFilled('model', rows) },
    pictures: findPictures(columns, named),
  };
}

/** By the header alone, as their exports have had it for years. */
function shopOf(columns: readonly string[]): TableLook['shop'] {
  const has = (...names: string[]) => {
    return names.every((name) => columns.some((column) => spelling(column) === spelling(name)));
  };
  if (has('Handle', 'Title', 'Image Src')) return 'Shopify';
  if (has('SKU', 'Name', 'Regular price', 'Images')) return 'WooCommerce';
  return has('id', 'title', 'link', 'image_link') ? 'Google Merchant' : null;
}

const wordsOfTitles = [
  ...['title', 'name', 'productname', 'producttitle', 'itemname', 'label', 'headline'],
  ...['titel', 'bezeichnung', 'artikelname', 'nom', 'titre', 'nombre', 'titulo', 'nome', 'titolo'],
];
/** Of such a name a template and a condition can be made as it stands. */
const plainName = /^[^{}|"'<>=!\n\r]+$/;

function findTitle(columns: readonly string[], rows: readonly Row[]): TableLook['title'] {
  const usable = columns.filter((column) => {
    return plainName.test(column) && rows.some((row) => isTitle(cell(row, column)));
  });
  const letters = (column: string) => spelling(column).replace(/[^\p{L}]/gu, '');
  const named = wordsOfTitles
    .map((word) => usable.find((column) => letters(column) === word))
    .find((column) => column !== undefined);
  const column = named ?? usable.find((one) => rows.every((row) => isTitle(cell(row, one))));
  if (column === undefined) return null;
  return { column, isSometimesEmpty: rows.some((row) => isBlank(cell(row, column))) };
}

function isTitle(text: string): boolean {
  return /\p{L}{3}/u.test(text) && text.length <= 300 && !/^\s*(https?:|\/|<)/.test(text);
}

function isFilled(column: string, rows: readonly Row[]): boolean {
  return rows.length > 0 && rows.every((row) => !isBlank(textOf(row.get(column)) ?? ''));
}

const wordsOfPictures = /image|img|photo|picture|foto|bild|media|src|references/i;

function findPictures(columns: readonly string[], rows: readonly Row[]): TableLook['pictures'] {
  const found = columns.flatMap((column) => {
    const cells = rows.map((row) => cell(row, column)).filter((text) => !isBlank(text));
    const addresses = cells.map(splitReferences);
    const isMeant =
      wordsOfPictures.test(column) || cells.some((text) => /\.(jpe?g|png|webp)\b/i.test(text));
    const areAll = addresses.flat().every((address) => /^https:\/\/\S+$/.test(address));
    if (!isMeant || !areAll || cells.length === 0 || !plainName.test(column)) return [];
    return [
      { column, most: Math.max(...addresses.map(({ length }) => length)), cells: cells.length },
    ];
  });
  // The one that most rows have something in; of several, the first.
  const [best] = found.sort((left, right) => right.cells - left.cells);
  return best === undefined ? null : { column: best.column, most: best.most };
}

function reckonRows(
  source: Source,
  { columns, rows }: Pick<FirstRows, 'columns' | 'rows'>,
): number {
  const isTable = source.table !== null;
  const sizes = rows.map((row) => {
    if (isTable) {
      return columns.reduce((sum, column) => sum + Buffer.byteLength(cell(row, column)) + 1, 0);
    }
    const entries = row.columns.map((column) => [column, row.get(column)]);
    return Buffer.byteLength(JSON.stringify(Object.fromEntries(entries))) + 1;
  });
  const each = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const count = Math.max(rows.length, Math.round(source.bytes / each));
  // What is reckoned is told as such: two figures.
  const step = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1);
  return Math.round(count / step) * step;
}

function cell(row: Row, column: string): string {
  return trimCell(textOf(row.get(column)) ?? '');
}
