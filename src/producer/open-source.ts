import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BatchError } from '../shared/errors.js';
import { formatOf } from './choose-format.js';
import type { InputFormat, InputOptions } from './input-options.js';
import { HEAD_BYTES, recogniseHead } from './recognise-head.js';
import { type Source, sourceFault, type Table } from './source.js';
import { tableShape } from './table-shape.js';

export type SourceOptions = Pick<
  InputOptions,
  'stdin' | 'format' | 'delimiter' | 'headerRow' | 'items'
>;

/** Where the bytes are, before anybody looked at them. */
interface Location {
  label: string;
  name: string;
  path: string;
  folder: string | null;
  format: InputFormat;
}

/**
 * Finds a file, or spools stdin into `folder`, and makes sure that it can be text.
 *
 * @throws BatchError `bad_input` with one sentence for whatever is wrong with the file as a whole.
 */
export async function openSource(
  file: string,
  options: SourceOptions,
  folder: string,
): Promise<Source> {
  const location =
    file === '-' ? await spoolStdin(options, folder) : await locate(file, options, folder);
  const { label, path, format } = location;
  const head = await readHead(location);
  const recognised = recogniseHead(head, format);
  if (recognised.kind === 'refused') throw sourceFault(label, recognised.reason);
  const { size } = await stat(path);
  const text = head.toString('utf8', recognised.skipBytes);
  const table = lookAtTable(text, options, { format, isWhole: size <= head.length });
  const skipBytes = recognised.skipBytes + (table?.sepBytes ?? 0);
  return { ...location, bytes: size, skipBytes, table, items: options.items ?? null };
}

function lookAtTable(
  text: string,
  { delimiter: asked, headerRow = null }: SourceOptions,
  { format, isWhole }: { format: InputFormat; isWhole: boolean },
): Table | null {
  if (format !== 'csv' && format !== 'tsv') return null;
  return { ...tableShape(text, { format, asked, headerRow, isWhole }), headerRow };
}

async function spoolStdin({ stdin, format }: SourceOptions, folder: string): Promise<Location> {
  if (format === null) {
    throw new BatchError('bad_input', 'stdin has no extension: say what it is with --format.');
  }
  if (stdin === undefined) throw new BatchError('bad_input', 'There is no stdin to read from.');
  const path = join(folder, 'stdin');
  await spoolStream(stdin, path);
  return { label: 'stdin', name: 'stdin', path, folder: process.cwd(), format };
}

async function locate(file: string, options: SourceOptions, folder: string): Promise<Location> {
  const stats = await stat(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  if (stats.isDirectory()) throw sourceFault(file, 'is a folder, not a file');
  const format = options.format ?? formatOf(file);
  if (format === null) throw await withoutFormat(file, stats);
  const name = basename(file);
  if (stats.isFile()) {
    return { label: file, name, path: file, folder: dirname(resolve(file)), format };
  }
  // A pipe, as in <(zcat briefs.csv.gz), can be read once and the passes need it twice.
  const path = join(folder, `pipe-${randomUUID()}`);
  await spoolStream(createReadStream(file), path);
  return { label: file, name, path, folder: process.cwd(), format };
}

/** What it is not is more useful to know than what it could be called. */
async function withoutFormat(file: string, stats: Stats): Promise<BatchError> {
  const recognised = stats.isFile()
    ? recogniseHead(await readHead({ label: file, path: file }), null)
    : null;
  if (recognised?.kind === 'refused') return sourceFault(file, recognised.reason);
  return sourceFault(file, 'has no extension that says what it is; name it with --format');
}

async function spoolStream(from: Readable, path: string): Promise<void> {
  await pipeline(from, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
}

async function readHead({ label, path }: Pick<Location, 'label' | 'path'>): Promise<Buffer> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(label, error);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function unreadable(label: string, error: unknown): BatchError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  if (code === 'ENOENT' || code === 'ENOTDIR') return sourceFault(label, 'no such file', error);
  if (code === 'EACCES' || code === 'EPERM') {
    return sourceFault(label, 'this user may not read it', error);
  }
  return sourceFault(label, `cannot be read (${code})`, error);
}
