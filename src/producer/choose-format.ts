import { extname } from 'node:path';
import type { InputFormat } from './input-options.js';

const FORMAT_OF_EXTENSION: Readonly<Record<string, InputFormat>> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.json': 'json',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

/** Null where the extension says nothing. */
export function formatOf(path: string): InputFormat | null {
  return FORMAT_OF_EXTENSION[extname(path).toLowerCase()] ?? null;
}

/** What makes an asked delimiter unusable, or null. */
export function delimiterFault(asked: string | null): string | null {
  if (asked === null || (asked !== '' && !/["\r\n]/.test(asked))) return null;
  return '--delimiter must be at least one character, and neither a quote nor a line end.';
}
