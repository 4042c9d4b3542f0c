import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from './errors.js';
import { writeFileDurably } from './write-file-durably.js';

/**
 * The form of all that outlives a process: in Redis, in the folder of a batch's results, and in RIVYA_BATCH_HOME. It is
 * raised by every change that an earlier version would misread. Each of the three places has a mark of its own, because
 * each may come from elsewhere without the others; what has none is of format 1.
 */
const stateFormat: number = 1;

/** In a folder of results and in RIVYA_BATCH_HOME. */
export const markFile = '.format';

/**
 * To be asked before anything of a place is read or changed.
 * @param mark what stands there, null for nothing
 * @param where for people
 * @throws BatchError `later_version`
 */
export function checkFormat(mark: string | null, where: string): void {
  // What is no number at all was not written by this version either.
  if (formatOf(mark) <= stateFormat) return;
  throw new BatchError(
    'later_version',
    `A later version of rivya-batch has written ${where}: it is in format ${mark?.trim()}, and this version knows formats up to ${stateFormat}. Nothing was changed. Update rivya-batch, and give the same command again.`,
  );
}

/** The same, for whoever is about to write there: from then on, earlier versions keep off. */
export async function claimFormat(
  mark: string | null,
  where: string,
  write: (mark: string) => Promise<unknown>,
): Promise<void> {
  checkFormat(mark, where);
  if (formatOf(mark) < stateFormat) await write(`${stateFormat}`);
}

function formatOf(mark: string | null): number {
  return mark === null ? 1 : Number(mark);
}

/** @throws BatchError `later_version` */
export async function checkFolderFormat(folder: string): Promise<void> {
  checkFormat(await readMark(folder), `the folder ${folder}`);
}

/** @throws BatchError `later_version` */
export async function claimFolderFormat(folder: string): Promise<void> {
  await claimFormat(await readMark(folder), `the folder ${folder}`, (mark) =>
    writeFileDurably(join(folder, markFile), `${mark}\n`),
  );
}

async function readMark(folder: string): Promise<string | null> {
  return readFile(join(folder, markFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
}
