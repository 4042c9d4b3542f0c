import type { Stats } from 'node:fs';
import { lstat, opendir, rm, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { markFile } from '../shared/state-format.js';
import { TextIndex } from '../shared/text-index.js';
import { fileNames } from './file-names.js';
import { readManifest, walkHistory } from './manifest.js';
import { comparablePath } from './verify/check-manifest.js';

/**
 * What may go of a folder. `results`: all that its batch has left there, but for what was approved and handed over, which
 * is somebody's by now. `leftovers`: what no line of its manifest promises (S5), which are files of earlier attempts, those
 * that were set aside before these, small pictures, and remains of processes that were killed.
 */
export type Clearable = 'results' | 'leftovers';

export interface FolderShare {
  files: number;
  /** What the disk gets back: a file that another folder shows as well takes none. */
  bytes: number;
}

interface OwnFile {
  path: string;
  bytes: number;
}

/**
 * Files of ours that may go, each in an order in which a kill leaves a folder that still says whose it is. What somebody
 * else has put there is none of them, nor is what lies behind a link. Of a batch that is over.
 */
async function* clearable(out: string, what: Clearable): AsyncGenerator<OwnFile> {
  const names = await NamedFiles.read(out);
  for (const within of [fileNames.assets, fileNames.aside]) {
    yield* filesIn(join(out, within), (name) => names.mayGo(`${within}/${name}`, what));
  }
  yield* thumbnailsIn(join(out, thumbnails));
  yield* filesIn(out, (name) => remains.test(name));
  if (what === 'leftovers') return;
  yield* filesIn(out, (name) => sheets.test(name));
  for (const name of recordsInOrder) yield* filesIn(out, (other) => other === name);
}

/** What would go. */
export async function surveyFolder(out: string, what: Clearable): Promise<FolderShare> {
  const share = { files: 0, bytes: 0 };
  for await (const file of clearable(out, what)) add(share, file);
  return share;
}

/** Safe to repeat: what a kill has left of it goes the next time. Folders that are empty then go as well. */
export async function clearFolder(out: string, what: Clearable): Promise<FolderShare> {
  const share = { files: 0, bytes: 0 };
  for await (const file of clearable(out, what)) {
    await unlink(file.path).catch(ignoreAbsent);
    add(share, file);
  }
  for await (const folder of foldersIn(join(out, thumbnails))) await removeEmpty(folder);
  await removeEmpty(join(out, thumbnails));
  if (what === 'leftovers') return share;
  for (const within of [fileNames.assets, fileNames.aside]) await removeEmpty(join(out, within));
  for await (const folder of foldersIn(out)) {
    // Work of a killed process: nothing else begins so.
    if (/\/\.(?:rewrite-|input(?:\.|$))[^/]*$/.test(folder)) {
      await rm(folder, { recursive: true, force: true });
    }
  }
  await removeEmpty(out);
  return share;
}

/**
 * Remains of downloads that were cut off, of a batch that is over: whoever comes back to one finds its brief ended.
 * Safe beside others who do the same.
 */
export async function sweepDownloads(out: string): Promise<void> {
  for (const within of [fileNames.assets, fileNames.aside]) {
    for await (const { path } of filesIn(join(out, within), (name) => remains.test(name))) {
      await unlink(path).catch(ignoreAbsent);
    }
  }
}

function add(share: FolderShare, { bytes }: OwnFile): void {
  share.files += 1;
  share.bytes += bytes;
}

const thumbnails = '.thumbnails';
const uuid = '[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}';
/** As `writeFileDurably`, a download, and a taking-over name what is not complete yet. */
const remains = new RegExp(`^(?:\\.|[a-z-]+\\.[a-z]+\\.)${uuid}\\.part$`);
const thumbnail = new RegExp(`^[\\da-f]{64}\\.webp(?:\\.${uuid}\\.part)?$`);
const sheets = /^contact-sheet(?:-\d+)?\.html$/;

/** What says whose the folder is, and that its batch is over, goes last. */
const recordsInOrder: readonly string[] = [
  fileNames.table,
  fileNames.rejected,
  fileNames.rejectedTable,
  fileNames.decisions,
  fileNames.history,
  fileNames.manifest,
  fileNames.journal,
  fileNames.report,
  markFile,
];

const promised = 1;
const earlier = 2;

/** The files that lines name, of the manifest and of the history: some 30 bytes each (`TextIndex`). */
class NamedFiles {
  private readonly paths = new TextIndex(1);
  /** A line that cannot be read may promise anything. */
  private damaged = false;

  static async read(out: string): Promise<NamedFiles> {
    const names = new NamedFiles();
    for await (const found of readManifest(out)) {
      if (found.kind === 'unreadable') names.damaged = true;
      if (found.kind === 'line') names.add(found.line, promised);
    }
    for await (const found of walkHistory(out)) {
      if (found.kind === 'line') names.add(found.line, earlier);
    }
    return names;
  }

  mayGo(path: string, what: Clearable): boolean {
    if (remains.test(path.slice(path.indexOf('/') + 1))) return true;
    const marks = this.paths.find(comparablePath(path))?.[0] ?? 0;
    if (what === 'results') return marks > 0;
    return marks === earlier && !this.damaged;
  }

  private add(
    {
      assets,
      aside = [],
    }: { assets: readonly { path: string }[]; aside?: { path: string }[] | undefined },
    mark: number,
  ): void {
    for (const { path } of [...assets, ...aside]) {
      const { words } = this.paths.claim(comparablePath(path));
      words[0] = (words[0] ?? 0) | mark;
    }
  }
}

async function* thumbnailsIn(folder: string): AsyncGenerator<OwnFile> {
  for await (const within of foldersIn(folder)) {
    yield* filesIn(within, (name) => thumbnail.test(name));
  }
}

/** Files of a folder, none where it is a link, or not there. */
async function* filesIn(
  folder: string,
  isWanted: (name: string) => boolean,
): AsyncGenerator<OwnFile> {
  for await (const name of namesIn(folder)) {
    if (!isWanted(name)) continue;
    const path = join(folder, name);
    const stats = await statsOf(path);
    if (stats?.isFile()) yield { path, bytes: stats.nlink > 1 ? 0 : stats.size };
  }
}

async function* foldersIn(folder: string): AsyncGenerator<string> {
  for await (const name of namesIn(folder)) {
    const path = join(folder, name);
    if ((await statsOf(path))?.isDirectory()) yield path;
  }
}

async function* namesIn(folder: string): AsyncGenerator<string> {
  if (!(await statsOf(folder))?.isDirectory()) return;
  for await (const { name } of await opendir(folder)) yield name;
}

/** A link is not followed: it may lead out of the folder. */
async function statsOf(path: string): Promise<Stats | null> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'ENOTDIR')
      ignoreAbsent(error);
  });
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
