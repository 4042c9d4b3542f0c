import { open, rename, rm } from 'node:fs/promises';
import type { Rejection, RejectionKind } from './rejection.js';

const CHARACTERS_PER_WRITE = 1 << 16;
const ROWS_NAMED = 5;

/** Faults of one kind in one column. */
export interface RejectionGroup {
  kind: RejectionKind;
  column: string | null;
  /** How many rows have it. */
  count: number;
  /** The first one's reason, word for word. */
  example: string;
  firstRows: { source: string; row: number }[];
}

/**
 * Writes `rejected.jsonl`, one line for each fault: source, row, id, column, reason.
 * The file is there whole or not at all; an older one of that name is replaced. Returns the number of lines.
 */
export async function writeRejected(
  path: string,
  rejections: AsyncIterable<Rejection>,
): Promise<number> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const lines = await writeLines(temporary, rejections);
    await rename(temporary, path);
    return lines;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The faults by kind and column for the screen, the most frequent first. */
export async function groupRejections(
  rejections: AsyncIterable<Rejection>,
): Promise<RejectionGroup[]> {
  const groups = new Map<string, RejectionGroup>();
  for await (const { kind, column, reason, source, row } of rejections) {
    const key = `${kind} ${column ?? ''}`;
    const group = groups.get(key) ?? { kind, column, count: 0, example: reason, firstRows: [] };
    groups.set(key, group);
    group.count++;
    if (group.firstRows.length < ROWS_NAMED) group.firstRows.push({ source, row });
  }
  return [...groups.values()].sort((left, right) => right.count - left.count);
}

async function writeLines(path: string, rejections: AsyncIterable<Rejection>): Promise<number> {
  const handle = await open(path, 'w', 0o644);
  try {
    let lines = 0;
    let pending = '';
    for await (const { source, row, id, column, reason } of rejections) {
      pending += `${JSON.stringify({ source, row, id, column, reason })}\n`;
      lines++;
      if (pending.length < CHARACTERS_PER_WRITE) continue;
      await handle.writeFile(pending);
      pending = '';
    }
    await handle.writeFile(pending);
    await handle.sync();
    return lines;
  } finally {
    await handle.close();
  }
}
