import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { together } from './together.js';

/** By folder. */
const syncs = new Map<string, () => Promise<void>>();

/** Makes a rename or a new file in a folder durable, together with others of the same moment. */
export function syncFolder(folder: string): Promise<void> {
  const sync = syncs.get(folder) ?? together(() => syncNow(folder));
  syncs.set(folder, sync);
  return sync();
}

async function syncNow(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file as a whole: a reader sees the old one or the new one, even after a power cut. */
export async function writeFileDurably(
  path: string,
  content: string | AsyncIterable<string>,
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = `${path}.${randomUUID()}.part`;
  const file = await open(temporary, 'wx');
  try {
    if (typeof content === 'string') await file.writeFile(content);
    else for await (const chunk of content) await file.appendFile(chunk);
    await file.sync();
    await file.close();
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
}
