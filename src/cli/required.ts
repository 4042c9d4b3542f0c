import { BatchError } from '../shared/errors.js';

/** A recipe may name them, so that commander cannot know whether they are missing. */
export function requireOut({ out }: { out?: string }): string {
  if (out) return out;
  throw new BatchError('usage', 'Name the folder of the results: --out DIR.');
}

export function requireFiles(files: string[]): string[] {
  if (files.length > 0) return files;
  throw new BatchError('usage', 'Name an input file: CSV, TSV, JSON or JSON Lines; - is stdin.');
}
