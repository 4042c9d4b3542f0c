import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BatchError } from '../../shared/errors.js';
import type { InputFormat, InputOptions } from '../options.js';
import { formatOf, type Source, sourceFault, type Table } from './source.js';
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

/** What the first bytes of a file say about it. */
type Head =
  | { kind: 'text' /** Bytes of a byte order mark, to be skipped. */; skipBytes: number }
  | { kind: 'refused'; reason: string };

/** Enough for a header line of a wide spreadsheet. */
const HEAD_BYTES = 64 * 1024;

const SIGNATURES: readonly { bytes: readonly number[]; reason: string }[] = [
  { bytes: [0xff, 0xfe], reason: 'is UTF-16 text; save it as UTF-8' },
  { bytes: [0xfe, 0xff], reason: 'is UTF-16 text; save it as UTF-8' },
  { bytes: [0x1f, 0x8b], reason: 'is compressed with gzip; unpack it first (gunzip)' },
  {
    bytes: [0x50, 0x4b, 0x03, 0x04],
    reason: 'is an Excel workbook or another zip file; export the sheet as CSV in UTF-8',
  },
  {
    bytes: [0xd0, 0xcf, 0x11, 0xe0],
    reason: 'is an old Excel workbook; export the sheet as CSV in UTF-8',
  },
];
const UTF8_MARK = [0xef, 0xbb, 0xbf];

/** What text begins with that is of another kind than its name or `--format` says. */
const KINDS: readonly { of: readonly InputFormat[]; begins: RegExp; reason: string }[] = [
  {
    of: ['csv', 'tsv', 'json', 'jsonl'],
    begins: /^<(?:!doctype\s+html|html|head|body|script|title)\b/i,
    reason:
      'is a web page (HTML), as a server sends it to who is not signed in: download the file anew, signed in, or export it again',
  },
  {
    of: ['csv', 'tsv', 'json', 'jsonl'],
    begins: /^<\?xml\b|^<(?:rss|feed|urlset)\b/i,
    reason: 'is XML: export it as CSV or JSON',
  },
  { of: ['csv', 'tsv', 'json', 'jsonl'], begins: /^%PDF-/, reason: 'is a PDF: export it as CSV' },
  {
    of: ['csv', 'tsv'],
    begins: /^(?:\[\s*)?\{\s*"[^"\r\n]*"\s*:/,
    reason: 'is JSON, not a table: name it .json (or .jsonl for a brief a line), or give --format',
  },
  {
    of: ['json'],
    begins: /^\{[^\r\n]*\}[^\S\r\n]*\r?\n\s*\{/,
    reason: 'is JSON Lines (a brief a line): name it .jsonl, or give --format jsonl',
  },
  {
    of: ['jsonl'],
    begins: /^\[\s*(?:[{\r\n]|$)/,
    reason: 'is a JSON list, not JSON Lines: name it .json, or give --format json',
  },
  {
    of: ['jsonl'],
    begins: /^\{[^\S\r\n]*\r?\n/,
    reason: 'is JSON over several lines, not JSON Lines: name it .json, or give --format json',
  },
];

/** Names what is not text before anybody reads nonsense from it. */
function recogniseHead(head: Buffer, format: InputFormat | null): Head {
  const signature = SIGNATURES.find(({ bytes }) => startsWith(head, bytes));
  if (signature !== undefined) return { kind: 'refused', reason: signature.reason };
  const skipBytes = startsWith(head, UTF8_MARK) ? UTF8_MARK.length : 0;
  if (head.length === skipBytes) return { kind: 'refused', reason: 'is empty' };
  const text = head.toString('utf8', skipBytes).trimStart();
  const kind = KINDS.find(
    ({ of, begins }) => (format === null || of.includes(format)) && begins.test(text),
  );
  return kind === undefined
    ? { kind: 'text', skipBytes }
    : { kind: 'refused', reason: kind.reason };
}

function startsWith(head: Buffer, bytes: readonly number[]): boolean {
  return head.length >= bytes.length && bytes.every((byte, position) => head[position] === byte);
}
