import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, sep, win32 } from 'node:path';
import type { Asset } from '../../shared/manifest-line.js';
import { quoteName } from '../../shared/quantities.js';
import { fileNames } from '../file-names.js';
import { type Mirror, mirrorAt } from '../mirror.js';
import { comparablePath, type History, type ManifestTally } from './check-manifest.js';
import type { Findings, ProblemCode } from './findings.js';

export type AssetVerdict = { kind: 'whole' } | { kind: 'broken'; code: ProblemCode; why: string };

export interface AssetCheck {
  /** The results' folder, with every link in its own path resolved. */
  root: string;
  /** Where files stand in a bucket; null where they are in the folder. */
  mirror: Mirror | null;
  /** Told of every piece that was hashed. */
  onBytes(bytes: number): void;
}

const chunkBytes = 1024 * 1024;
/** Not through a link that was put there since its path was resolved, and not waiting for a pipe's writer. */
const openFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Reads a file that a line names from beginning to end: is it what the line promises (S5)? In constant memory. */
export async function checkAsset(asset: Asset, check: AssetCheck): Promise<AssetVerdict> {
  if (leavesFolder(asset.path)) return broken('asset_outside', asset, 'leads out of the folder');
  if (check.mirror !== null) return compareStored(check.mirror, asset, check);
  try {
    const resolved = await realpath(join(check.root, asset.path));
    if (isOutside(relative(check.root, resolved))) {
      return broken('asset_outside', asset, 'is a link that leads out of the folder');
    }
    const file = await open(resolved, openFlags);
    try {
      return await compareFile(file, asset, check);
    } finally {
      await file.close();
    }
  } catch (error) {
    return explain(error, asset);
  }
}

async function compareFile(
  file: FileHandle,
  asset: Asset,
  check: AssetCheck,
): Promise<AssetVerdict> {
  const stats = await file.stat();
  if (!stats.isFile()) return broken('asset_not_a_file', asset, 'is not a regular file');
  if (stats.size !== asset.bytes) return lengthDiffers(asset, stats.size);
  const { bytes, sha256 } = await hashFile(file, check);
  // It may have been cut while it was read.
  if (bytes !== asset.bytes) return lengthDiffers(asset, bytes);
  return sha256 === asset.sha256 ? { kind: 'whole' } : hashDiffers(asset, sha256);
}

function hashDiffers(asset: Asset, found: string): AssetVerdict {
  const why = `has the right length and other content: its sha256 is ${found}, the manifest says ${asset.sha256}`;
  return broken('asset_hash_differs', asset, why);
}

/** Read from the bucket, and kept nowhere. */
async function compareStored(
  { bucket }: Mirror,
  asset: Asset,
  check: AssetCheck,
): Promise<AssetVerdict> {
  const found = await bucket.get(asset.path);
  if (found.kind !== 'found') return broken('asset_missing', asset, 'is not there');
  if (found.bytes !== asset.bytes) {
    found.body.destroy();
    return lengthDiffers(asset, found.bytes);
  }
  const hash = createHash('sha256');
  for await (const chunk of found.body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    check.onBytes(chunk.length);
  }
  const sha256 = hash.digest('hex');
  return sha256 === asset.sha256 ? { kind: 'whole' } : hashDiffers(asset, sha256);
}

async function hashFile(
  file: FileHandle,
  check: AssetCheck,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, bytes);
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
    hash.update(chunk.subarray(0, bytesRead));
    bytes += bytesRead;
    check.onBytes(bytesRead);
  }
}

function lengthDiffers(asset: Asset, found: number): AssetVerdict {
  const what = found < asset.bytes ? 'is cut off' : 'is too long';
  const why = `${what}: it has ${found} bytes, the manifest says ${asset.bytes}`;
  return broken('asset_bytes_differ', asset, why);
}

function explain(error: unknown, asset: Asset): AssetVerdict {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string') throw error;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return broken('asset_missing', asset, 'is not there');
  }
  return broken('asset_unreadable', asset, `cannot be read (${code})`);
}

function broken(code: ProblemCode, asset: Asset, why: string): AssetVerdict {
  return { kind: 'broken', code, why: `${quoteName(asset.path)} ${why}.` };
}

/** By its text alone and by the rules of every system: the folder may have come from elsewhere. */
function leavesFolder(path: string): boolean {
  return (
    win32.isAbsolute(path) ||
    /^[a-z]:/i.test(path) ||
    path.includes('\0') ||
    path.split(/[\\/]/).includes('..')
  );
}

function isOutside(fromRoot: string): boolean {
  return fromRoot === '..' || fromRoot.startsWith(`..${sep}`) || isAbsolute(fromRoot);
}

/** A download that was cut off leaves one; the next attempt writes another. */
const temporary = /^\..+\.part$/;

/** Warns of files in `assets/` and `aside/` that no line names: harmless, but somebody may wonder what they are. */
export async function findLeftOver(
  folder: string,
  named: { tally: ManifestTally; history: History },
  findings: Findings,
): Promise<void> {
  for (const within of [fileNames.assets, fileNames.aside]) {
    await findLeftOverIn(folder, within, named, findings);
  }
}

async function findLeftOverIn(
  folder: string,
  within: string,
  named: { tally: ManifestTally; history: History },
  findings: Findings,
): Promise<void> {
  for await (const name of namesIn(folder, within)) {
    const path = `${within}/${name}`;
    const known =
      temporary.test(name) ||
      named.tally.names(path) ||
      named.history.paths.has(comparablePath(path));
    if (!known) findings.warning('left_over', `No line names ${quoteName(path)}.`, { path });
  }
}

async function* namesIn(folder: string, within: string): AsyncGenerator<string> {
  const mirror = await mirrorAt(folder);
  if (mirror !== null) {
    for await (const { name } of mirror.bucket.list(`${within}/`))
      yield name.slice(within.length + 1);
    return;
  }
  const place = join(folder, within);
  // A link is not followed: it may lead out of the folder.
  const stats = await lstat(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!stats?.isDirectory()) return;
  for await (const { name } of await opendir(place)) yield name;
}
