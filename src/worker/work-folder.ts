import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Where one rewriter of a manifest makes new files: what is not there any more cannot be put in place. */
export interface WorkFolder {
  /** Under which it asks the ledger. */
  token: string;
  path: string;
}

const head = '.rewrite-';

/** To be made before the rewrite is taken, never after it: see `completeRewrite`. */
export async function makeWorkFolder(out: string): Promise<WorkFolder> {
  const token = randomUUID();
  const path = join(out, `${head}${token}`);
  await mkdir(path);
  return { token, path };
}

/** Removes the work folders of all others, crashed or frozen; one that lives starts over. */
export async function clearOthersAway(out: string, own: WorkFolder): Promise<void> {
  for (const name of await readdir(out)) {
    const path = join(out, name);
    if (name.startsWith(head) && path !== own.path) await removeWorkFolder(path);
  }
}

/** Its owner may be adding to it in this very moment. */
export async function removeWorkFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 10 });
}
