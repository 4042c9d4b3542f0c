import { basename, extname } from 'node:path';
import { isUrl, nameInUrl, shownFile } from './addresses.js';
import { BatchError } from './errors.js';

const allowed = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._@+-]{0,79}$/u;

/** Letters and digits of any script, then also `.`, `_`, `@`, `+`, `-`; at most 80 characters. */
export function checkBatchName(name: string): string {
  if (allowed.test(name)) return name;
  throw new BatchError(
    'usage',
    `A batch's name begins with a letter or digit, holds letters, digits, dots, dashes, underscores, @ and +, and has at most 80 characters: ${JSON.stringify(name)} does not fit.`,
  );
}

/** What a command says of its batch, and what is known of it. */
export interface NamelessBatch {
  /** Absolute folder of the results; null where none is named. */
  out: string | null;
  /** The batch whose results that folder holds already. */
  held: string | null;
  files: readonly string[];
}

/**
 * The name of a batch that is given none: that of the batch in its folder, else the folder's own, else the first
 * file's: `Spring 2026.csv` makes `Spring-2026`.
 * @throws BatchError `usage` where none of them makes a name
 */
export function defaultBatchName({ out, held, files: [file = '-'] }: NamelessBatch): string {
  const name = held ?? (nameFrom(out === null ? '' : basename(out)) || nameFrom(stemOf(file)));
  if (name !== '') return name;
  throw new BatchError(
    'usage',
    file === '-'
      ? 'Input from stdin needs a name for its batch: give --batch NAME.'
      : `No name for a batch can be made from ${shownFile(file)}: give --batch NAME.`,
  );
}

/**
 * What a batch of this folder was called before it was called after the folder, or where it was queued without one;
 * null where that is no other name.
 */
export function fileBatchName({ files: [file = '-'] }: NamelessBatch, name: string): string | null {
  const other = nameFrom(stemOf(file));
  return other === '' || other === name ? null : other;
}

function stemOf(file: string): string {
  if (file === '-') return '';
  const name = (isUrl(file) ? nameInUrl(file) : basename(file)).replace(/\.gz$/i, '');
  return basename(name, extname(name));
}

/** Empty where nothing of the text may stand in a name. */
function nameFrom(text: string): string {
  const name = text
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._@+-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .replace(/(?<!-)-+$/, '');
  return [...name].slice(0, 80).join('');
}
