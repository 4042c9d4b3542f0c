import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from '../shared/errors.js';
import { parseJson } from '../shared/json.js';
import { fileNames } from './file-names.js';
import { type JournalHeader, journalPath, readJournalHeader } from './journal.js';
import { manifestPath, readManifest } from './manifest.js';

/**
 * Makes the folder of a batch's results, and refuses one that holds another batch's.
 * @throws BatchError `batch_conflict`, `output_unusable`
 */
export async function claimOutputFolder(out: string, batch: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
  } catch (error) {
    throw new BatchError('output_unusable', `The folder ${out} cannot be made.`, { cause: error });
  }
  const owner = await ownerOf(out);
  if (owner !== null && owner !== batch) {
    throw new BatchError(
      'batch_conflict',
      `The folder ${out} holds the results of batch ${owner}: give another folder with --out.`,
    );
  }
}

type LifeOfBatch = Pick<JournalHeader, 'batch' | 'createdAt' | 'nonce'>;

/** Whether a folder is the one of this life of a batch, wherever it was moved to: its journal says so. */
export async function holdsLife(out: string, life: LifeOfBatch): Promise<boolean> {
  const header = await readJournalHeader(out);
  if (header === null) return false;
  return (
    header.batch === life.batch &&
    header.createdAt === life.createdAt &&
    header.nonce === life.nonce
  );
}

/** `same_files_anew`: it was moved here from another disk, so that files that are held open are not those in it. */
export type FolderSight = 'here' | 'same_files_anew' | 'away';

/**
 * Sees whether a folder is still in its place: somebody may have moved, removed or replaced it. While a journal is held
 * open, its file's number stands for no other file.
 */
export class FolderWatch {
  private file: string | null = null;
  private life: LifeOfBatch | null = null;

  constructor(
    private readonly out: string,
    private readonly batch: string,
  ) {}

  /** Looks at one file's identity, and into it only where that has changed. The first look learns what there is. */
  async look(): Promise<FolderSight> {
    const found = await stat(journalPath(this.out)).catch(() => null);
    const file = found && `${found.dev}:${found.ino}`;
    if (file !== null && file === this.file) return 'here';
    if (file === null) return 'away';
    if (this.life === null) {
      const header = await readJournalHeader(this.out);
      if (header?.batch !== this.batch) return 'away';
      this.life = header;
      this.file = file;
      return 'here';
    }
    if (!(await holdsLife(this.out, this.life))) return 'away';
    this.file = file;
    return 'same_files_anew';
  }
}

type FolderOwner =
  /** Of no batch; it holds none of the files that a batch would leave. */
  | { kind: 'nobody' }
  | { kind: 'batch'; name: string }
  /** A file that has the name of one of ours, and that somebody else wrote. */
  | { kind: 'foreign'; path: string };

/**
 * The batch whose results a folder holds, or will hold: its journal is there before its first line; null for none.
 * @throws BatchError `batch_conflict` where a file of that name is somebody else's
 */
export async function ownerOf(out: string): Promise<string | null> {
  const holder = await findOwner(out);
  switch (holder.kind) {
    case 'nobody':
      return null;
    case 'batch':
      return holder.name;
    case 'foreign':
      throw new BatchError(
        'batch_conflict',
        `${holder.path} was not written by rivya-batch: give another folder with --out, or move the file away.`,
      );
    default:
      return holder satisfies never;
  }
}

/** @throws BatchError `usage` where a folder holds no results of a batch, as {@link ownerOf} besides */
export async function requireResults(folder: string): Promise<void> {
  if ((await ownerOf(folder)) !== null) return;
  throw new BatchError('usage', `There are no results of a batch in ${folder}.`);
}

/** What names a batch that is given no name: the one in its folder; null for none, and for a file that is somebody else's. */
export async function batchHeldIn(out: string): Promise<string | null> {
  const holder = await findOwner(out);
  return holder.kind === 'batch' ? holder.name : null;
}

async function findOwner(out: string): Promise<FolderOwner> {
  for await (const found of readManifest(out)) {
    if (found.kind === 'torn') break;
    // Also where it cannot be read any more: whose it is, is said all the same.
    return batchIn(found.text, manifestPath(out));
  }
  const journal = await readJournalHeader(out);
  if (journal !== null) return { kind: 'batch', name: journal.batch };
  const report = join(out, fileNames.report);
  try {
    return batchIn(await readFile(report, 'utf8'), report);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'nobody' };
    throw error;
  }
}

function batchIn(json: string, path: string): FolderOwner {
  const value = parseJson(json);
  const batch = value && typeof value === 'object' && 'batch' in value ? value.batch : null;
  return typeof batch === 'string' ? { kind: 'batch', name: batch } : { kind: 'foreign', path };
}
