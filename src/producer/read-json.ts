import { readFile } from 'node:fs/promises';
import { findItems } from './find-items.js';
import { findJsonFault } from './find-json-fault.js';
import { readJsonRow } from './json-row.js';
import { proveText } from './read-text.js';
import { ROWS_PER_GROUP, type RowGroup } from './row.js';
import { type Source, sourceFault } from './source.js';

/** A little below the longest string that the engine can hold. */
const LARGEST_FILE_BYTES = 512_000_000;

/**
 * Items of a JSON file, numbered from 1. The file is held in memory whole.
 *
 * @throws BatchError `bad_input` for a file that is too large, is not JSON, or is no list of briefs.
 */
export async function* readJson(source: Source): AsyncGenerator<RowGroup> {
  if (source.bytes > LARGEST_FILE_BYTES) {
    throw sourceFault(
      source.label,
      `is larger than ${LARGEST_FILE_BYTES / 1e6} MB; use JSON Lines (.jsonl, one brief a line), which is read piece by piece`,
    );
  }
  const items = await readItems(source);
  for (let start = 0; start < items.length; start += ROWS_PER_GROUP) {
    const group = items.slice(start, start + ROWS_PER_GROUP);
    yield group.map((item, position) => readJsonRow(item, start + position + 1));
  }
}

async function readItems(source: Source): Promise<unknown[]> {
  const bytes = (await readFile(source.path)).subarray(source.skipBytes);
  await proveText(bytes, source.skipBytes, source);
  const found = findItems(parseJson(bytes.toString('utf8'), source), source.items);
  if (found.kind === 'refused') throw sourceFault(source.label, found.reason);
  return found.items;
}

function parseJson(text: string, source: Source): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const fault = findJsonFault(text);
    const place =
      fault === null ? '' : ` (line ${fault.line}, column ${fault.column}: ${fault.what})`;
    throw sourceFault(source.label, `is not JSON${place}`, error);
  }
}
