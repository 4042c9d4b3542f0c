import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isUrl, readSheetLink, shownFile } from '../../shared/addresses.js';
import { BatchError, whyUnreadable } from '../../shared/errors.js';
import type { InputFormat, InputOptions } from '../options.js';
import type { InputWarnings } from '../warnings.js';
import { type Head, oleDirectoryAt, oleReason, recogniseHead } from './recognise.js';
import { formatOf, type Source, sourceFault, type Table } from './source.js';
import { tableShape } from './table-shape.js';
import { unpackGzip } from './unpack-gzip.js';

export type SourceOptions = Pick<
  InputOptions,
  'stdin' | 'format' | 'delimiter' | 'headerRow' | 'items' | 'sheet' | 'fetchSource'
>;

/** Where the bytes are, before anybody looked at them. */
interface Location {
  label: string;
  name: string;
  path: string;
  folder: string | null;
  /** Null where nothing says it. */
  format: InputFormat | null;
  /** Where it was fetched from; null for a file. */
  url: string | null;
}

/** What has been found out about a location that can be read. */
interface Recognised extends Location {
  format: InputFormat;
  head: Buffer;
  is: Extract<Head, { kind: 'text' | 'workbook' }>;
}

/**
 * Finds a file, or spools stdin or what is at an address into `folder`, unpacks what is packed there, and makes sure
 * that it can be text; of a workbook, a sheet is made into a table.
 *
 * @throws BatchError `bad_input` with one sentence for whatever is wrong with the file as a whole.
 */
export async function openSource(
  file: string,
  options: SourceOptions,
  { folder, warnings }: { folder: string; warnings: InputWarnings },
): Promise<Source> {
  const recognised = await recognise(await find(file, options, folder), folder);
  const { label, name, path, format, head, is } = recognised;
  if (is.kind === 'workbook') return openWorkbook(recognised, options, { folder, warnings });
  const { size } = await stat(path);
  const text = head.toString('utf8', is.skipBytes);
  const table = lookAtTable(text, options, { format, isWhole: size <= head.length });
  const skipBytes = is.skipBytes + (table?.sepBytes ?? 0);
  const rest = { bytes: size, skipBytes, table, items: options.items ?? null };
  return { label, name, path, folder: recognised.folder, format, ...rest };
}

function find(file: string, options: SourceOptions, folder: string): Promise<Location> {
  if (file === '-') return spoolStdin(options, folder);
  return isUrl(file) ? fetchAddress(file, options, folder) : locate(file, options, folder);
}

/** From here on it is a table like any other. */
async function openWorkbook(
  { label, name, path, folder: begin }: Recognised,
  options: SourceOptions,
  { folder, warnings }: { folder: string; warnings: InputWarnings },
): Promise<Source> {
  const { sheet = null, headerRow = null, items = null } = options;
  // What reads zip files and XML is only loaded where there is a workbook.
  const { unpackWorkbook } = await import('../workbook/unpack-workbook.js');
  const wanted = { label, name, sheet, headerRow };
  const unpacked = await unpackWorkbook(path, wanted, { folder, warnings });
  const head = await readHead({ label, path: unpacked });
  if (head.length === 0) throw sourceFault(label, 'the sheet is empty');
  const { size } = await stat(unpacked);
  const isWhole = size <= head.length;
  const shape = tableShape(head.toString('utf8'), {
    ...{ format: 'csv', asked: ',', headerRow, isWhole },
  });
  const table: Table = { ...shape, headerRow, rowEnds: 'open' };
  const rest = { bytes: size, skipBytes: shape.sepBytes, table, items };
  return { label, name, path: unpacked, folder: begin, format: 'csv', ...rest };
}

function lookAtTable(
  text: string,
  { delimiter: asked, headerRow = null }: SourceOptions,
  { format, isWhole }: { format: InputFormat; isWhole: boolean },
): Table | null {
  if (format !== 'csv' && format !== 'tsv') return null;
  const shape = tableShape(text, { format, asked, headerRow, isWhole });
  return { ...shape, headerRow, rowEnds: 'counted' };
}

async function spoolStdin({ stdin, format }: SourceOptions, folder: string): Promise<Location> {
  if (format === null) {
    throw new BatchError('bad_input', 'stdin has no extension: say what it is with --format.');
  }
  if (stdin === undefined) throw new BatchError('bad_input', 'There is no stdin to read from.');
  const path = join(folder, 'stdin');
  await spoolStream(stdin, path);
  return { label: 'stdin', name: 'stdin', path, folder: process.cwd(), format, url: null };
}

async function fetchAddress(
  url: string,
  { fetchSource, format, sheet = null }: SourceOptions,
  folder: string,
): Promise<Location> {
  const label = shownFile(url);
  if (fetchSource === undefined) throw sourceFault(label, 'addresses are not read here');
  const path = join(folder, `fetched-${randomUUID()}`);
  const { name, format: told } = await fetchSource(url, { path, sheet });
  // Google gives what it was asked for, whatever `--format` says of other files.
  const is = readSheetLink(url) === null ? (format ?? told) : told;
  // A path in it would be one of that server.
  return { label, name, path, folder: null, format: is, url };
}

async function locate(file: string, options: SourceOptions, folder: string): Promise<Location> {
  const stats = await stat(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  if (stats.isDirectory()) throw sourceFault(file, 'is a folder, not a file');
  const format = options.format ?? formatOf(file);
  const found = { label: file, name: basename(file), format, url: null };
  if (stats.isFile()) return { ...found, path: file, folder: dirname(resolve(file)) };
  if (format === null) throw sourceFault(file, withoutFormat);
  // A pipe, as in <(zcat briefs.csv.gz), can be read once and the passes need it twice.
  const path = join(folder, `pipe-${randomUUID()}`);
  await spoolStream(createReadStream(file), path);
  return { ...found, path, folder: process.cwd() };
}

const withoutFormat = 'has no extension that says what it is; name it with --format';

/**
 * Looks at the first bytes of a file, and unpacks it where they are gzip's, however it is called.
 *
 * @throws BatchError `bad_input` for what cannot be read as what it is called
 */
async function recognise(location: Location, folder: string): Promise<Recognised> {
  const { label, format } = location;
  const found = await lookAt(location);
  if (found.is.kind !== 'gzip') return readable(location, found);
  if (format === 'xlsx') {
    throw sourceFault(
      label,
      'is compressed with gzip, and a workbook is packed already: unpack it',
    );
  }
  const path = join(folder, `unpacked-${randomUUID()}`);
  await unpackGzip(location, path);
  const unpacked = { ...location, path };
  const inside = await lookAt(unpacked);
  if (inside.is.kind !== 'gzip') return readable(unpacked, inside);
  throw sourceFault(label, 'is compressed with gzip twice; unpack it once (gunzip)');
}

interface Look {
  head: Buffer;
  is: Head;
}

async function lookAt(location: Location): Promise<Look> {
  const head = await readHead(location);
  const { size } = await stat(location.path);
  const end = await readPart(location, Math.max(head.length, size - HEAD_BYTES));
  return { head, is: recogniseHead(head, { format: location.format, end }) };
}

/** What it is not is more useful to know than what it could be called. */
async function readable(location: Location, { head, is }: Look): Promise<Recognised> {
  const { label, path, format, url } = location;
  switch (is.kind) {
    case 'web_page':
      throw sourceFault(label, is.reason);
    case 'refused': {
      const directory = oleDirectoryAt(head);
      if (directory === null) throw sourceFault(label, is.reason);
      throw sourceFault(label, oleReason(await readPart({ label, path }, directory)));
    }
    case 'gzip':
      throw sourceFault(label, 'is compressed with gzip; unpack it first (gunzip)');
    case 'text':
    case 'workbook':
      if (format !== null) return { ...location, format, head, is };
      throw sourceFault(
        label,
        url === null ? withoutFormat : 'nothing says what it is; name it with --format',
      );
    default:
      return is satisfies never;
  }
}

async function spoolStream(from: Readable, path: string): Promise<void> {
  await pipeline(from, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
}

/** Enough for a header line of a wide spreadsheet. */
const HEAD_BYTES = 64 * 1024;

function readHead(file: Pick<Location, 'label' | 'path'>): Promise<Buffer> {
  return readPart(file, 0);
}

async function readPart(
  { label, path }: Pick<Location, 'label' | 'path'>,
  position: number,
): Promise<Buffer> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(label, error);
  });
  try {
    const buffer = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, HEAD_BYTES, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function unreadable(label: string, error: unknown): BatchError {
  return sourceFault(label, whyUnreadable(error), error);
}
