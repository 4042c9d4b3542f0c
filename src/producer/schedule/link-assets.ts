import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Asset } from '../../shared/manifest-line.js';
import { checkAsset } from '../../shared/verify/check-asset.js';

interface Folders {
  /** With every link in its own path resolved. */
  from: string;
  to: string;
}

/**
 * Gives files of one folder to another under the same names, without taking disk where it knows hard links.
 * `broken`: at least one is not as its line states (S5). Safe to repeat.
 */
export async function linkAssets(
  assets: readonly Asset[],
  { from, to }: Folders,
): Promise<'whole' | 'broken'> {
  for (const asset of assets) {
    if (!(await isWhole(asset, from))) return 'broken';
    await give(asset, { from, to });
  }
  return 'whole';
}

async function give(asset: Asset, { from, to }: Folders): Promise<void> {
  const target = join(to, asset.path);
  const source = await realpath(join(from, asset.path));
  await mkdir(dirname(target), { recursive: true });
  const linked = await link(source, target).catch((error: NodeJS.ErrnoException) => error);
  if (linked === undefined) return;
  // An earlier try was cut off behind this one, or in it.
  if (linked.code === 'EEXIST' && (await isWhole(asset, await realpath(to)))) return;
  await copy(source, target);
}

async function isWhole(asset: Asset, root: string): Promise<boolean> {
  return (await checkAsset(asset, { root, onBytes: () => undefined })).kind === 'whole';
}

/** Another file system, or one without hard links. */
async function copy(source: string, target: string): Promise<void> {
  const temporary = join(dirname(target), `.${randomUUID()}.part`);
  try {
    await copyFile(source, temporary);
    const file = await open(temporary, 'r+');
    await file.sync().finally(() => file.close());
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}
