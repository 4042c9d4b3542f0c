import { randomUUID } from 'node:crypto';
import {
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileNames } from '../../results/file-names.js';
import { Journal, type JournalHeader, readJournalHeader } from '../../results/journal.js';
import { manifestPath, SucceededLines } from '../../results/manifest.js';
import { checkAsset } from '../../results/verify/check-assets.js';
import { type BriefOrigin, fingerprintOf, type PreparedBrief } from '../../shared/brief.js';
import type { Asset, ManifestLine } from '../../shared/manifest-line.js';
import { inChunks } from '../../shared/read-lines.js';
import { syncFolder } from '../../shared/write-file-durably.js';
import type { Schedule } from '../schedule.js';
import { isNameOfRun } from './name-batch.js';
import { isThere } from './take-input.js';

export interface TakingOver {
  previous: PreviousBatch;
  /** Of the new batch, which is not open yet. */
  header: JournalHeader;
  out: string;
  nowMs: number;
  stopping: AbortSignal;
}

/** Files are looked at so many lines at once. */
const linesAtOnce = 16;

/**
 * Begins the folder of a batch with the lines and pictures of the previous one, for all briefs of the input that
 * succeeded there with the same content: opened after that, the batch takes them for made and pays for the rest (S1).
 * The manifest comes last and as a whole, so a repetition after a crash does it anew or finds it done; a picture
 * that is not as its line states (S5) is not taken over, and made anew.
 */
export async function adoptResults(
  taking: TakingOver,
  briefs: AsyncIterable<PreparedBrief>,
): Promise<'done' | 'stopped'> {
  const { out, previous, stopping, header } = taking;
  const manifest = manifestPath(out);
  if (await isThere(manifest)) return 'done';
  await (await Journal.open(out, header)).close();
  await mkdir(join(out, fileNames.assets), { recursive: true });
  const temporary = join(out, `.${randomUUID()}.part`);
  const lines = await SucceededLines.read(previous.folder);
  const file = await open(temporary, 'wx');
  try {
    let seq = 0;
    for await (const chunk of inChunks(briefs, linesAtOnce)) {
      if (stopping.aborted) return 'stopped';
      const taken = await Promise.all(chunk.map((brief) => takeBrief(taking, lines, brief)));
      seq = await append(file, taken, seq);
    }
    await file.sync();
    await syncFolder(join(out, fileNames.assets));
    if (seq > 0) await putInPlace(temporary, manifest);
    return 'done';
  } finally {
    await lines.close();
    await file.close();
    await rm(temporary, { force: true });
  }
}

async function takeBrief(
  { previous, header, out, nowMs }: TakingOver,
  lines: SucceededLines,
  brief: PreparedBrief,
): Promise<ManifestLine | null> {
  const found = await lines.lineOf(brief.id);
  if (found === null || fingerprintOf(found) !== brief.fingerprint) return null;
  // What is no result stays where it is.
  const { aside: _left, ...line } = found;
  const root = await realpath(previous.folder);
  if ((await linkAssets(line.assets, root, out)) === 'broken') return null;
  const now = new Date(nowMs).toISOString();
  return {
    ...line,
    ...placeOf(brief),
    batch: header.batch,
    credits: { reserved: 0, final: 0 },
    requests: { submits: 0, status_checks: 0 },
    times: { admitted: now, submitted: null, completed: null, collected: now },
    run: null,
    from: line.from ?? previous.name,
  };
}

/** Where the brief stands in the new input, and the columns that it has there. */
function placeOf({
  origin,
}: PreparedBrief): Pick<ManifestLine, 'row' | 'source' | 'metadata' | 'input'> {
  const { row, source, metadata, input } = JSON.parse(origin) as BriefOrigin;
  return { row, source, metadata, input };
}

async function append(
  file: FileHandle,
  taken: (ManifestLine | null)[],
  before: number,
): Promise<number> {
  const lines = taken
    .filter((line) => line !== null)
    .map((line, index) => `${JSON.stringify({ ...line, seq: before + index + 1 })}\n`);
  if (lines.length > 0) await file.appendFile(lines.join(''));
  return before + lines.length;
}

/** Never over one that is there: another worker may have been first, and its batch may have lines by now. */
async function putInPlace(temporary: string, manifest: string): Promise<void> {
  await link(temporary, manifest).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return;
    // A file system without hard links.
    if (!(await isThere(manifest))) await rename(temporary, manifest);
  });
  await syncFolder(join(manifest, '..'));
}

/**
 * Gives files of one folder to another under the same names, without taking disk where it knows hard links.
 * `broken`: at least one is not as its line states (S5). Safe to repeat.
 * @param from with every link in its own path resolved
 */
async function linkAssets(
  assets: readonly Asset[],
  from: string,
  to: string,
): Promise<'whole' | 'broken'> {
  for (const asset of assets) {
    if (!(await isWhole(asset, from))) return 'broken';
    await give(asset, from, to);
  }
  return 'whole';
}

async function give(asset: Asset, from: string, to: string): Promise<void> {
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
  return (
    (await checkAsset(asset, { root, mirror: null, onBytes: () => undefined })).kind === 'whole'
  );
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

export interface PreviousBatch {
  name: string;
  folder: string;
}

/** Where to look for the batches of a schedule, beside its `--out`. */
export interface WhereRunsAre {
  /** Of the API: pictures of a simulator are none of the real one. */
  origin: string;
  /** Folders of runs that the history knows: the schedule may have had another `--out` before. */
  known: readonly string[];
}

/**
 * The schedule's batch that was opened last and has lines; null for none. The folders say it, and the history only where
 * else to look: that ends with a schedule that is removed and added again, and with its Redis.
 * @param batch the one that looks
 */
export async function previousBatch(
  schedule: Pick<Schedule, 'name' | 'out'>,
  batch: string,
  where: WhereRunsAre,
): Promise<PreviousBatch | null> {
  let latest: BatchFolder | null = null;
  for (const found of await foldersOfRuns(schedule, where)) {
    if (found.header.batch === batch) continue;
    if (latest !== null && latest.header.createdAt >= found.header.createdAt) continue;
    if (await isThere(manifestPath(found.folder))) latest = found;
  }
  return latest && { name: latest.header.batch, folder: latest.folder };
}

export interface BatchFolder {
  folder: string;
  header: JournalHeader;
}

/** The folders in which batches of a schedule's runs are, as their journals say. */
export async function foldersOfRuns(
  { name: schedule, out }: Pick<Schedule, 'name' | 'out'>,
  { origin, known }: WhereRunsAre,
): Promise<BatchFolder[]> {
  const found: BatchFolder[] = [];
  const folders = (await readdir(out)).map((name) => join(out, name));
  for (const folder of new Set([...folders, ...known])) {
    const name = basename(folder);
    if (!isNameOfRun(schedule, name)) continue;
    const header = await headerOf(folder);
    if (header?.batch === name && header.origin === origin) found.push({ folder, header });
  }
  return found;
}

/** A folder that cannot be looked into is none to take over from. */
async function headerOf(folder: string): Promise<JournalHeader | null> {
  return readJournalHeader(folder).catch((error: NodeJS.ErrnoException) => {
    if (typeof error.code === 'string') return null;
    throw error;
  });
}
