import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type JournalHeader, readJournalHeader } from '../../shared/journal.js';
import { isThere } from './take-input.js';

export interface PreviousBatch {
  name: string;
  folder: string;
}

interface Looking {
  /** The schedule's name, and the folder of its batches' folders. */
  schedule: { name: string; out: string };
  /** The batch that looks. */
  batch: string;
  /** Of the API: pictures of a simulator are none of the real one. */
  origin: string;
}

/**
 * The schedule's batch that was opened last and has lines; null for none. The folders say it, not the history: that
 * ends with a schedule that is removed and added again, and with its Redis.
 */
export async function previousBatch(looking: Looking): Promise<PreviousBatch | null> {
  const { schedule, batch, origin } = looking;
  let latest: { header: JournalHeader; folder: string } | null = null;
  for (const name of await readdir(schedule.out)) {
    if (name === batch || !name.startsWith(`${schedule.name}@`)) continue;
    const folder = join(schedule.out, name);
    const header = await headerOf(folder);
    if (header?.batch !== name || header.origin !== origin) continue;
    if (latest !== null && latest.header.createdAt >= header.createdAt) continue;
    if (await isThere(join(folder, 'manifest.jsonl'))) latest = { header, folder };
  }
  return latest && { name: latest.header.batch, folder: latest.folder };
}

/** A folder that cannot be looked into is none to take over from. */
async function headerOf(folder: string): Promise<JournalHeader | null> {
  return readJournalHeader(folder).catch((error: NodeJS.ErrnoException) => {
    if (typeof error.code === 'string') return null;
    throw error;
  });
}
