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

/**
 * The separator of cells: what was asked for, else a tab for TSV, else a comma;
 * a header line without a comma but with semicolons or tabs (as spreadsheets write in many countries) decides.
 */
export function delimiterOf(
  head: string,
  { format, asked }: { format: 'csv' | 'tsv'; asked: string | null },
): string {
  if (asked !== null) return asked === 'tab' || asked === '\\t' ? '\t' : asked;
  if (format === 'tsv') return '\t';
  const header = headerLine(head);
  return [',', ';', '\t'].find((delimiter) => header.includes(delimiter)) ?? ',';
}

/** What makes an asked delimiter unusable, or null. */
export function delimiterFault(asked: string | null): string | null {
  if (asked === null || (asked !== '' && !/["\r\n]/.test(asked))) return null;
  return '--delimiter must be at least one character, and neither a quote nor a line end.';
}

/** The first line that has anything in it, without quoted parts: a delimiter or line end in quotes is text. */
function headerLine(head: string): string {
  const lines = head.replaceAll(/"(?:[^"]|"")*"/g, '_').split(/\r\n|\n|\r/);
  return lines.find((line) => line.trim() !== '') ?? '';
}
