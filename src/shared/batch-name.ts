import { basename, extname } from 'node:path';
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

/** The name that a batch gets from its first file: `Spring 2026.csv` makes `Spring-2026`. */
export function batchNameFromFile(file: string): string {
  if (file === '-') {
    throw new BatchError(
      'usage',
      'Input from stdin needs a name for its batch: give --batch NAME.',
    );
  }
  const stem = basename(file, extname(file)).normalize('NFC');
  const name = stem
    .replace(/[^\p{L}\p{M}\p{N}._@+-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .replace(/(?<!-)-+$/, '');
  if (name === '') {
    throw new BatchError(
      'usage',
      `No name for a batch can be made from ${file}: give --batch NAME.`,
    );
  }
  return [...name].slice(0, 80).join('');
}
