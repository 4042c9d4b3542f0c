import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The syncs of a folder that are under way, and the one that comes after. */
const syncing = new Map<string, { now: Promise<void>; next: Promise<void> | null }>();

/** Makes a rename or a new file in a folder durable: with one that begins after it was asked for, together with others. */
export function syncFolder(folder: string): Promise<void> {
  const running = syncing.get(folder);
  if (running) {
    running.next ??= running.now.catch(() => undefined).then(() => beginSync(folder));
    return running.next;
  }
  return beginSync(folder);
}

function beginSync(folder: string): Promise<void> {
  const now = syncNow(folder);
  const sync = { now, next: null };
  syncing.set(folder, sync);
  const end = () => {
    if (syncing.get(folder) === sync && sync.next === null) syncing.delete(folder);
  };
  now.then(end, end);
  return now;
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
