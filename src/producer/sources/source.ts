import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { BatchError } from '../../shared/errors.js';
import type { InputFormat } from '../options.js';
import type { TableShape } from './table-shape.js';

/** A regular file that is known to be text; stdin and pipes have been spooled to one. */
export interface Source {
  /** As the user wrote it: begins every sentence about the whole file. */
  label: string;
  /** Base name, or `stdin`: goes into origins and rejections. */
  name: string;
  path: string;
  /** Where relative paths in it begin; null for one that came from elsewhere. */
  folder: string | null;
  bytes: number;
  /** Bytes of a byte order mark. */
  skipBytes: number;
  format: InputFormat;
  /** Null for JSON. */
  table: Table | null;
  /** Where the list is in JSON; null: not said. */
  items: string | null;
}

/** How a table is to be read. */
export interface Table extends TableShape {
  /** Where its header was said to be, from 1; null: in the first row that has anything in it. */
  headerRow: number | null;
  /**
   * `counted`: a row has as many cells as the header, and another count is a slip. `open`: a row ends with its last
   * cell that has anything in it, and one beyond the header is in a column without a name, as in a spreadsheet.
   */
  rowEnds: 'counted' | 'open';
}

/** A fault of the whole file, as one sentence. */
export function sourceFault(label: string, reason: string, cause?: unknown): BatchError {
  return new BatchError('bad_input', `${label}: ${reason}.`, { cause });
}

/** The line, from 1, of a byte of the file; only read again once something is wrong with it. */
export async function lineAtByte(source: Source, position: number): Promise<number> {
  if (position <= 0) return 1;
  let line = 1;
  for await (const chunk of createReadStream(source.path, { end: position - 1 })) {
    const bytes = chunk as Buffer;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) line++;
  }
  return line;
}

const FORMAT_OF_EXTENSION: Readonly<Record<string, InputFormat>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.json': 'json',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.xlsx': 'xlsx',
  '.xlsm': 'xlsx',
};

/** Null where the extension says nothing; of `briefs.csv.gz` it is the one before. */
export function formatOf(path: string): InputFormat | null {
  const name = path.replace(/\.gz$/i, '');
  return FORMAT_OF_EXTENSION[extname(name).toLowerCase()] ?? null;
}

/** What makes an asked delimiter unusable, or null. */
export function delimiterFault(asked: string | null): string | null {
  if (asked === null || (asked !== '' && !/["\r\n]/.test(asked))) return null;
  return '--delimiter must be at least one character, and neither a quote nor a line end.';
}
