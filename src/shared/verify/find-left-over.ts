import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { quoteName } from '../quote-name.js';
import type { Findings } from './finding.js';
import { comparablePath, type ManifestTally } from './manifest-tally.js';
import type { History } from './read-history.js';

/** A download that was cut off leaves one; the next attempt writes another. */
const temporary = /^\..+\.part$/;

/** Warns of files in `assets/` that no line names: harmless, but somebody may wonder what they are. */
export async function findLeftOver(
  folder: string,
  named: { tally: ManifestTally; history: History },
  findings: Findings,
): Promise<void> {
  const assets = join(folder, 'assets');
  // A link is not followed: it may lead out of the folder.
  const stats = await lstat(assets).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!stats?.isDirectory()) return;
  for await (const { name } of await opendir(assets)) {
    const path = `assets/${name}`;
    const known =
      temporary.test(name) ||
      named.tally.names(path) ||
      named.history.paths.has(comparablePath(path));
    if (!known) findings.warning('left_over', `No line names ${quoteName(path)}.`, { path });
  }
}
