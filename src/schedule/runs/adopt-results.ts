import { randomUUID } from 'node:crypto';
import {
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  realpath,
  rename,
  rm,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileNames } from '../../results/file-names.js';
import { Journal, type JournalHeader } from '../../results/journal.js';
import { manifestPath, SucceededLines } from '../../results/manifest.js';
import { type Mirror, mirrorAt, publish } from '../../results/mirror.js';
import {
  hasLines,
  headerAt,
  type OutputPlaces,
  openOutput,
  placesBelow,
} from '../../results/output-places.js';
import { checkAsset } from '../../results/verify/check-assets.js';
import { type BriefOrigin, fingerprintOf, type PreparedBrief } from '../../shared/brief.js';
import { BatchError } from '../../shared/errors.js';
import type { Asset, ManifestLine } from '../../shared/manifest-line.js';
import { inChunks } from '../../shared/read-lines.js';
import { syncFolder } from '../../shared/write-file-durably.js';
import type { Schedule } from '../schedule.js';
import { isNameOfRun } from './name-batch.js';
import { isThere } from './take-input.js';

export interface TakingOver {
  previous: PreviousBatch;
  places: OutputPlaces;
  /** Of the new batch, which is not open yet. */
  header: JournalHeader;
  /** Its folder on this machine. */
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
 * that is not as its line states (S5) is not taken over, and made anew. With a bucket, all of it stands there before the
 * batch is opened: another machine may be the one that opens it.
 */
export async function adoptResults(
  taking: TakingOver,
  briefs: AsyncIterable<PreparedBrief>,
): Promise<'done' | 'stopped'> {
  const { out, previous, places, stopping, header } = taking;
  const manifest = manifestPath(out);
  if (await isThere(manifest)) {
    await publish(out);
    return 'done';
  }
  await (await Journal.open(out, header)).close();
  await mkdir(join(out, fileNames.assets), { recursive: true });
  const temporary = join(out, `.${randomUUID()}.part`);
  const { folder } = await openOutput(places, previous.out);
  const way = { from: await pictureSource(folder), to: await pictureSource(out) };
  const lines = await SucceededLines.read(folder);
  const file = await open(temporary, 'wx');
  try {
    let seq = 0;
    for await (const chunk of inChunks(briefs, linesAtOnce)) {
      if (stopping.aborted) return 'stopped';
      const taken = await Promise.all(chunk.map((brief) => takeBrief(taking, lines, way, brief)));
      seq = await append(file, taken, seq);
    }
    await file.sync();
    await syncFolder(join(out, fileNames.assets));
    if (seq > 0) await putInPlace(temporary, manifest);
    await publish(out);
    return 'done';
  } finally {
    await lines.close();
    await file.close();
    await rm(temporary, { force: true });
  }
}

async function takeBrief(
  { previous, header, nowMs }: TakingOver,
  lines: SucceededLines,
  way: PictureWay,
  brief: PreparedBrief,
): Promise<ManifestLine | null> {
  const found = await lines.lineOf(brief.id);
  if (found === null || fingerprintOf(found) !== brief.fingerprint) return null;
  // What is no result stays where it is.
  const { aside: _left, ...line } = found;
  if ((await takeAssets(line.assets, way)) === 'broken') return null;
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

/** Where the pictures of a batch stand. */
interface PictureSource {
  /** With every link in its own path resolved. */
  root: string;
  /** Null where they are in the folder. */
  mirror: Mirror | null;
}

interface PictureWay {
  from: PictureSource;
  to: PictureSource;
}

async function pictureSource(folder: string): Promise<PictureSource> {
  return { root: await realpath(folder), mirror: await mirrorAt(folder) };
}

/**
 * Gives files of one batch to another under the same names: without taking disk where the file system knows hard links, and
 * without passing by here from bucket to bucket. `broken`: at least one is not as its line states (S5). Safe to repeat.
 */
async function takeAssets(assets: readonly Asset[], way: PictureWay): Promise<'whole' | 'broken'> {
  for (const asset of assets) {
    if (!(await takeAsset(asset, way))) return 'broken';
  }
  return 'whole';
}

/** @returns whether it is there as its line states */
async function takeAsset(asset: Asset, { from, to }: PictureWay): Promise<boolean> {
  if (to.mirror !== null && from.mirror !== null) {
    return copyStored(asset, { from: from.mirror, to: { root: to.root, mirror: to.mirror } });
  }
  if (!(await isWhole(asset, from))) return false;
  if (to.mirror !== null) {
    const { path, bytes, sha256, media_type: mediaType } = asset;
    const file = { path: join(from.root, path), bytes };
    await to.mirror.bucket.put(path, file, { onlyIf: 'any', mediaType, sha256 });
    return true;
  }
  const local = from.mirror?.asset(asset.path) ?? join(from.root, asset.path);
  await give(asset, await local, to);
  return true;
}

/** A service that reckons the hash of what it copies has read it; of any other one, the copy is read. */
async function copyStored(
  asset: Asset,
  { from, to }: { from: Mirror; to: { root: string; mirror: Mirror } },
): Promise<boolean> {
  const { bucket } = to.mirror;
  const copied = await bucket.copyFrom(from.bucket, asset.path);
  if (copied.kind === 'absent') return false;
  const { sha256 } = copied;
  if (sha256 === null ? await isWhole(asset, to) : sha256 === asset.sha256) return true;
  await bucket.remove(asset.path);
  return false;
}

async function give(asset: Asset, local: string, to: PictureSource): Promise<void> {
  const target = join(to.root, asset.path);
  const source = await realpath(local);
  await mkdir(dirname(target), { recursive: true });
  const linked = await link(source, target).catch((error: NodeJS.ErrnoException) => error);
  if (linked === undefined) return;
  // An earlier try was cut off behind this one, or in it.
  if (linked.code === 'EEXIST' && (await isWhole(asset, to))) return;
  await copy(source, target);
}

async function isWhole(asset: Asset, source: PictureSource): Promise<boolean> {
  return (await checkAsset(asset, { ...source, onBytes: () => undefined })).kind === 'whole';
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
  /** Its place: a folder, or an address in a bucket. */
  out: string;
}

/** Where to look for the batches of a schedule, beside its `--out`. */
export interface WhereRunsAre {
  places: OutputPlaces;
  /** Of the API: pictures of a simulator are none of the real one. */
  origin: string;
  /** Places of runs that the history knows: the schedule may have had another `--out` before. */
  known: readonly string[];
}

/**
 * The schedule's batch that was opened last and has lines; null for none. The places say it, and the history only where
 * else to look: that ends with a schedule that is removed and added again, and with its Redis.
 * @param batch the one that looks
 */
export async function previousBatch(
  schedule: Pick<Schedule, 'name' | 'out'>,
  batch: string,
  where: WhereRunsAre,
): Promise<PreviousBatch | null> {
  const found = await placesOfRuns(schedule, where);
  const others = found.filter(({ header }) => header.batch !== batch);
  others.sort((left, right) => right.header.createdAt - left.header.createdAt);
  for (const { out, header } of others) {
    if (await hasLines(where.places, out)) return { name: header.batch, out };
  }
  return null;
}

export interface BatchPlace {
  /** A folder, or an address in a bucket. */
  out: string;
  header: JournalHeader;
}

/** The places in which batches of a schedule's runs are, as their journals say. */
export async function placesOfRuns(
  { name: schedule, out }: Pick<Schedule, 'name' | 'out'>,
  { places, origin, known }: WhereRunsAre,
): Promise<BatchPlace[]> {
  const found: BatchPlace[] = [];
  for (const place of new Set([...(await placesBelow(places, out)), ...known])) {
    const name = basename(place);
    if (!isNameOfRun(schedule, name)) continue;
    const header = await headerOf(places, place);
    if (header?.batch === name && header.origin === origin) found.push({ out: place, header });
  }
  return found;
}

/** A folder that cannot be looked into is none to take over from; a bucket is waited for, which holds what was paid. */
async function headerOf(places: OutputPlaces, out: string): Promise<JournalHeader | null> {
  return headerAt(places, out).catch((error: NodeJS.ErrnoException) => {
    if (!(error instanceof BatchError) && typeof error.code === 'string') return null;
    throw error;
  });
}
