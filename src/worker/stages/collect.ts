import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BriefEnd } from '../../batch/finish-brief.js';
import type { UncollectedCode } from '../../batch/plan-reopening.js';
import type { StateOf } from '../../ledger/brief-state.js';
import { inFlightMember } from '../../ledger/keys.js';
import { moves } from '../../ledger/moves.js';
import { judgePicture, type PictureJudgement } from '../../pictures/judge-picture.js';
import { loadSharp } from '../../pictures/load-sharp.js';
import type { PictureSource } from '../../pictures/thumbnails.js';
import { fileNames } from '../../results/file-names.js';
import {
  judgeResults,
  lookAtResult,
  type ResultMedia,
  sniffBytes,
} from '../../results/result-media.js';
import type { Downloader, DownloadManner } from '../../rivya/download.js';
import type { DownloadOutcome, ReadTaskOutcome } from '../../rivya/outcome.js';
import type { Asset } from '../../shared/manifest-line.js';
import type { PictureSize } from '../../shared/picture-size.js';
import { canonicalName, safeName } from '../../shared/safe-name.js';
import type { TaskCategory } from '../../shared/task-category.js';
import { logAnswer } from './answers.js';
import type { DownloadSlot } from './download-slots.js';
import { explainRefusal, holdForRead, meaningOf, noteTaken } from './refusal.js';
import { type FileToKeep, makeFolder, type ResultShelf } from './result-shelf.js';
import { type BriefInHand, endBrief, type StageContext, type Step, stepFor } from './step.js';

/** Its task succeeded and is charged; what is left is to fetch the files. */
export type ReadyBrief = BriefInHand<StateOf<'ready'>>;

export const retrySpacingMs = 5_000;
const longestRetryMs = 60_000;
/** To ask the task as well takes its share of the pace. */
const longestRereadMs = 5 * 60_000;
/** After so long without its files a paid brief gets a line `unknown`; the next run tries again. */
const collectDeadlineMs = 60 * 60_000;

/** A server that says nothing is waited for so long at first, and longer the longer the file has been due. */
const firstPatienceMs = 10_000;
const longestPatienceMs = 60_000;

/** The collect stage: every result file is kept, complete, before the line that names it (S5). */
export async function collectAssets(context: StageContext, brief: ReadyBrief): Promise<Step> {
  const { shelf, downloads } = context;
  if (shelf === null) throw new Error('collect runs only where results can be kept');
  brief.seat.passOn();
  return downloads.hold((slot) => fetchAll(context, brief, shelf, slot));
}

/**
 * A task has just been found to have succeeded: where this process can keep its files and a download may begin, it goes on
 * at once, and no other job is made for it; else, and for whatever has to wait, the brief goes to the collect queue.
 */
export async function collectAtOnce(context: StageContext, brief: ReadyBrief): Promise<Step> {
  const { shelf, downloads } = context;
  const { urls = [], rereads, faulty } = brief.job;
  const asItIs: CollectJob = { urls, ...(rereads && { rereads }), ...(faulty && { faulty }) };
  const toCollect = (delayMs: number, fresh = asItIs) =>
    ({ kind: 'next', stage: 'collect', attempt: brief.state.attempt, delayMs, ...fresh }) as const;
  if (shelf === null || urls.length === 0) return toCollect(0);
  const fetching = downloads.holdSoon((slot) => fetchAll(context, brief, shelf, slot));
  if (fetching === null) return toCollect(0);
  brief.seat.leave();
  try {
    const step = await fetching;
    return step.kind === 'later' ? toCollect(step.afterMs, step.fresh) : step;
  } catch (error) {
    // A disk that is full, a folder that went away: told, and counted, by the job that is for that.
    context.log.debug({ err: error, brief: brief.id }, 'files were not put in place');
    return toCollect(retrySpacingMs);
  }
}

/** What the job of a brief carries that waits for its files. */
interface CollectJob {
  urls: string[];
  rereads?: number;
  faulty?: boolean;
}

async function fetchAll(
  context: StageContext,
  brief: ReadyBrief,
  shelf: ResultShelf,
  slot: DownloadSlot,
): Promise<Step> {
  const { urls = [] } = brief.job;
  if (urls.length === 0) return rereadTask(context, brief);
  const saved = await saveAll(context, brief, shelf, slot);
  if (saved.kind !== 'saved' && saved.kind !== 'invalid') {
    return actOnTrouble(context, brief, saved);
  }
  if ((await context.folder?.isHere()) === false) return { kind: 'later', afterMs: retrySpacingMs };
  const step = await endBrief(context, brief, endOf(saved, urls));
  for (const picture of saved.pictures) context.thumbnails.add(shelf.folder, picture);
  if (saved.kind === 'saved' && saved.reason !== null) {
    const { reason } = saved;
    context.log.warn({ brief: brief.id, attempt: brief.state.attempt, reason }, 'files set aside');
    context.notify({ kind: 'set_aside', briefId: brief.id, reason });
  }
  return step;
}

/** A picture that is none is charged and a failure: to make it anew is paid again, and decided by a person. */
function endOf(
  saved: Extract<SaveOutcome, { kind: 'saved' | 'invalid' }>,
  urls: string[],
): BriefEnd {
  const { aside } = saved;
  if (saved.kind === 'saved') {
    return { status: 'succeeded', error: null, assets: saved.assets, aside, urls };
  }
  const [first] = aside;
  const where = aside.length === 1 ? `It is kept as ${first?.path}.` : 'They are kept in aside/.';
  const message = `${saved.reason} ${where}`;
  const error = { code: 'asset_invalid', message, request_id: null };
  return { status: 'failed', error, assets: aside, urls };
}

async function saveAll(
  context: StageContext,
  brief: ReadyBrief,
  shelf: ResultShelf,
  slot: DownloadSlot,
): Promise<SaveOutcome> {
  const { clock, downloader, categoryOf } = context;
  const { state, content, job } = brief;
  const { urls = [] } = job;
  const dueForMs = clock.now() - state.completedAt;
  return saveAssets(downloader, {
    urls,
    promised: categoryOf(content.request.model),
    judge: (path, mediaType) => judge(context, path, mediaType),
    faulty: job.faulty ? 'set_aside' : 'refuse',
    manner: {
      idleTimeoutMs: Math.min(longestPatienceMs, Math.max(firstPatienceMs, dueForMs / 4)),
      onStanding: () => slot.stand(),
    },
    ...(await claimPlace(context, brief, { shelf, count: urls.length })),
  });
}

async function judge(
  context: StageContext,
  path: string,
  mediaType: string,
): Promise<PictureJudgement> {
  if ((await loadSharp()) === null) context.notify({ kind: 'pictures_not_judged' });
  return judgePicture(path, mediaType, await context.minSize());
}

/** Where the files of a brief go, and which names are its own (S5). */
export async function claimPlace(
  { ledger: { briefs }, nonce }: StageContext,
  { id: briefId, state, content }: ReadyBrief,
  { shelf, count }: { shelf: ResultShelf; count: number },
): Promise<ClaimedPlace> {
  const wanted = content.origin.name ?? briefId;
  const name = await briefs.claimName(briefId, canonicalName(wanted));
  return {
    shelf,
    claimPlain: async (look) =>
      // That of the first attempt has it anyway.
      state.attempt === 1 ? 'plain' : briefs.claimPlainName(briefId, state.attempt, await look()),
    nameFor: (extension, index, marked) =>
      assetName({
        ...{ briefId, wanted, nonce, index, count, extension, name },
        attempt: marked === 'marked' ? state.attempt : null,
      }),
  };
}

async function actOnTrouble(
  context: StageContext,
  brief: ReadyBrief,
  trouble: Exclude<SaveOutcome, { kind: 'saved' | 'invalid' }>,
): Promise<Step> {
  switch (trouble.kind) {
    case 'gone':
      return askTaskAgain(context, brief, `The file's server answered HTTP ${trouble.httpStatus}.`);
    case 'something_else':
      // An expired link may answer 200 with a page, so a fresh one is asked for.
      return askTaskAgain(context, brief, trouble.reason);
    case 'faulty':
      context.log.debug({ brief: brief.id, reason: trouble.reason }, 'faulty file');
      // It may have been cut short on its way, or not have been complete yet: once more, and then it is so.
      return rereadTask(context, brief, 'faulty');
    case 'url_refused':
      return endBrief(context, brief, notToBeHad(brief, 'result_url_refused', trouble.reason));
    case 'too_large': {
      const message = `The result is larger than ${trouble.maxBytes} bytes.`;
      return endBrief(context, brief, notToBeHad(brief, 'result_too_large', message));
    }
    case 'unavailable':
      return tryLater(context, brief, { ...trouble, longestMs: longestRetryMs });
    default:
      return trouble satisfies never;
  }
}

/**
 * A link that does not lead to the file may be spent, so the task is asked for a fresh one at once; or the file
 * is late (links of CDNs come alive minutes after they were given out), so that both are asked again, spaced.
 */
async function askTaskAgain(
  context: StageContext,
  brief: ReadyBrief,
  reason: string,
): Promise<Step> {
  if (!brief.job.rereads) return rereadTask(context, brief);
  const delay = { reason, retryAfterMs: null, longestMs: longestRereadMs };
  return withoutLinks(brief, await tryLater(context, brief, delay));
}

/** What comes later begins with the task, not with links that have shown that they lead nowhere. */
function withoutLinks({ job: { rereads = 0 } }: ReadyBrief, step: Step): Step {
  return step.kind === 'later' ? { ...step, fresh: { urls: [], rereads } } : step;
}

/** Why a file is not here yet, and how long that may be waited for before it is asked for again. */
interface Delay {
  reason: string;
  /** What the other side asks for. */
  retryAfterMs: number | null;
  /** Where it asks for nothing: the longest spacing. */
  longestMs: number;
}

/**
 * Waits for what may come right; after an hour the brief gets a line, so that its batch can end (S4).
 * @param missing in the end; what was not to be had
 */
async function tryLater(
  context: StageContext,
  brief: ReadyBrief,
  { reason, retryAfterMs, longestMs }: Delay,
  missing: 'file' | 'link' = 'file',
): Promise<Step> {
  const { attempt, taskId: task, completedAt } = brief.state;
  context.log.debug({ brief: brief.id, attempt, task, reason }, 'file not fetched');
  const waitingMs = context.clock.now() - completedAt;
  const leftMs = collectDeadlineMs - waitingMs;
  if (leftMs <= 0) {
    const end = missing === 'file' ? notFetched(brief, reason) : withoutLink(brief);
    return endBrief(context, brief, end);
  }
  context.noteFileTrouble(reason);
  const spacingMs = Math.min(longestMs, Math.max(retrySpacingMs, waitingMs));
  // Asked once more when the time is over, whatever the other side wanted to wait for.
  return { kind: 'later', afterMs: Math.min(retryAfterMs ?? spacingMs, leftMs) };
}

/** Asks the task for fresh URLs: where those that were given lead nowhere, where there were none, or a crash lost them. */
async function rereadTask(
  context: StageContext,
  brief: ReadyBrief,
  because: 'links' | 'faulty' = 'links',
): Promise<Step> {
  const { batch, client, pacer, ledger, log } = context;
  const turn = await pacer.turn(inFlightMember(batch, brief.id));
  if (turn.kind === 'too_far') return { kind: 'later', afterMs: turn.waitMs };
  const { attempt, taskId: task } = brief.state;
  const outcome = await client.readTask(task);
  logAnswer(log, { endpoint: 'links', brief: brief.id, attempt, task }, outcome);
  await noteTaken(context, 'links', outcome);
  if (outcome.kind !== 'read') return notRead(context, brief, outcome);
  const to = moves.rereadLinks(brief.state);
  const moved = await ledger.briefs.move(brief.id, { from: brief, to });
  if (moved.kind === 'passed') return stepFor(moved.state);
  const { urls } = outcome.task;
  if (urls.length === 0) {
    const reason = 'The API reports success and names no result file.';
    const delay = { reason, retryAfterMs: null, longestMs: longestRereadMs };
    const read = { ...brief, ...moved.brief };
    return withoutLinks(brief, await tryLater(context, read, delay, 'link'));
  }
  // Into the job together with the count: a crash before that asks once more, one after it uses what was found.
  const rereads = (brief.job.rereads ?? 0) + (brief.job.urls?.length ? 1 : 0);
  const faulty = brief.job.faulty || because === 'faulty';
  return { kind: 'later', afterMs: 0, fresh: { urls, rereads, ...(faulty && { faulty }) } };
}

/** The task could not be asked for its URLs. */
async function notRead(
  context: StageContext,
  brief: ReadyBrief,
  outcome: Exclude<ReadTaskOutcome, { kind: 'read' }>,
): Promise<Step> {
  const longestMs = longestRetryMs;
  if (outcome.kind !== 'refused') {
    return tryLater(context, brief, { reason: outcome.reason, retryAfterMs: null, longestMs });
  }
  const refusal = await explainRefusal(context, outcome.refusal);
  const { message: reason, retryAfterMs } = refusal;
  const meaning = meaningOf(refusal, 'links');
  switch (meaning) {
    case 'pace':
    case 'key':
      // It is no fault of the file's, and takes nothing of the hour.
      return { kind: 'later', afterMs: await holdForRead(context, meaning, refusal) };
    case 'later':
      return tryLater(context, brief, { reason, retryAfterMs, longestMs });
    default:
      return meaning satisfies never;
  }
}

/** It is paid and cannot be had; another look at the task pays for nothing. */
function notFetched({ job }: ReadyBrief, reason: string): BriefEnd {
  const message = `The result could not be fetched for an hour (${reason.replace(/\.$/, '')}); the next run of this batch tries again, which costs nothing.`;
  const code: UncollectedCode = 'download_unavailable';
  return { status: 'unknown', error: { code, message, request_id: null }, urls: job.urls ?? [] };
}

function withoutLink(brief: ReadyBrief): BriefEnd {
  const message =
    'The API reported success and named no result file for an hour; "rivya-batch retry" checks the task again, which costs nothing.';
  return notToBeHad(brief, 'succeeded_no_output', message);
}

function notToBeHad({ job }: ReadyBrief, code: UncollectedCode, message: string): BriefEnd {
  return { status: 'failed', error: { code, message, request_id: null }, urls: job.urls ?? [] };
}

export interface SaveRequest extends ClaimedPlace {
  /** Of all files of one task. */
  urls: readonly string[];
  /** What the task's category promises; null where nobody knows it. */
  promised: TaskCategory | null;
  /** Looks at a picture before it gets its name. */
  judge(path: string, mediaType: string): Promise<PictureJudgement>;
  /** What becomes of pictures that have a fault; `refuse`: everything is to be fetched anew. */
  faulty: 'refuse' | 'set_aside';
  manner?: DownloadManner;
}

export interface ClaimedPlace {
  shelf: ResultShelf;
  /**
   * File name under `assets/`, for the type that the content turned out to have; `index` is the URL's. `marked` with
   * its attempt where another one has the plain name.
   */
  nameFor(extension: string, index: number, marked: 'plain' | 'marked'): string;
  /** Decides once for this attempt, however often it is asked, whether it has the plain name where that is free. */
  claimPlain(look: () => Promise<'free' | 'taken'>): Promise<'plain' | 'marked'>;
}

export type SaveOutcome =
  /** `reason`: why some of its files are no result; null where all are. */
  | {
      kind: 'saved';
      assets: Asset[];
      aside: Asset[];
      pictures: PictureSource[];
      reason: string | null;
    }
  /** Nothing of what came is what was paid for, and all with a fault is kept apart. */
  | { kind: 'invalid'; aside: Asset[]; pictures: PictureSource[]; reason: string }
  /** Some of its pictures have a fault, and nothing was kept. */
  | { kind: 'faulty'; reason: string }
  /** It came whole, and is nothing that a task of this category makes. */
  | { kind: 'something_else'; reason: string }
  | Exclude<DownloadOutcome, { kind: 'saved' }>;

interface SavedFile {
  temporary: string;
  bytes: number;
  sha256: string;
  media: Pick<ResultMedia, 'extension' | 'mediaType'>;
}

/** A file that is to get a name. */
interface NamedFile extends SavedFile {
  /** Of its URL. */
  index: number;
  /** Of a picture, where it is known. */
  size: PictureSize | null;
}

interface FetchedFile extends SavedFile {
  media: ResultMedia;
}

/** A file that has been looked at. */
interface JudgedFile extends NamedFile, PictureJudgement {
  media: ResultMedia;
}

/**
 * Downloads the results of one task: temporary files, hash on the way, fsync; once all are there and are what they
 * should be, they get their names, then fsync of the folder (S5). Pictures that have a fault go into another folder in the
 * same way. Throws file system errors as they are (a full disk is not the API's fault).
 */
export async function saveAssets(
  downloader: Downloader,
  request: SaveRequest,
): Promise<SaveOutcome> {
  const folder = join(request.shelf.folder, fileNames.assets);
  const temporaries = request.urls.map(() => join(folder, `.${randomUUID()}.part`));
  try {
    const files: FetchedFile[] = [];
    for (const [index, temporary] of temporaries.entries()) {
      const url = request.urls[index] ?? '';
      const fetched = await fetchFile(downloader, { url, temporary, manner: request.manner });
      if (fetched.kind !== 'fetched') return fetched;
      files.push(fetched.file);
    }
    const reason = judgeResults(
      files.map(({ media }) => media),
      request.promised,
    );
    if (reason !== null) return { kind: 'something_else', reason };
    return await keep(request, await judgeFiles(files, request));
  } finally {
    await Promise.all(temporaries.map((temporary) => unlink(temporary).catch(ignoreMissing)));
  }
}

/** One after the other: each may take much memory. */
async function judgeFiles(
  files: readonly FetchedFile[],
  { judge }: SaveRequest,
): Promise<JudgedFile[]> {
  const judged: JudgedFile[] = [];
  for (const [index, file] of files.entries()) {
    const { mediaType } = file.media;
    const isPicture = mediaType.startsWith('image/');
    const nothing = { size: null, fault: null, small: null };
    const judgement = isPicture ? await judge(file.temporary, mediaType) : nothing;
    judged.push({ ...file, ...judgement, index });
  }
  return judged;
}

async function keep(request: SaveRequest, files: readonly JudgedFile[]): Promise<SaveOutcome> {
  const good = files.filter(({ fault }) => fault === null);
  const bad = files.filter(({ fault }) => fault !== null);
  const reason = bad.length === 0 ? null : faultsOf(bad, files.length);
  if (reason !== null && request.faulty === 'refuse') return { kind: 'faulty', reason };
  const goodMedia = good.map(({ media }) => media);
  const isEnough = good.length > 0 && judgeResults(goodMedia, request.promised) === null;
  if (isEnough || reason === null) {
    const aside = await setAside(request, bad);
    const assets = await putInPlace(good, request);
    const { folder } = request.shelf;
    const pictures = picturesOf(folder, [...good, ...bad], [...assets, ...aside]);
    return { kind: 'saved', assets, aside, pictures, reason };
  }
  const all = [...bad, ...good].sort((one, other) => one.index - other.index);
  const aside = await setAside(request, all);
  return { kind: 'invalid', aside, pictures: picturesOf(request.shelf.folder, all, aside), reason };
}

/** At most so many faults are told of one task. */
const mostFaults = 3;

function faultsOf(bad: readonly JudgedFile[], count: number): string {
  if (count === 1) return `The picture ${bad[0]?.fault}.`;
  const told = bad.slice(0, mostFaults).map(({ index, fault }) => `file ${index + 1} ${fault}`);
  const more = bad.length > mostFaults ? [`and ${bad.length - mostFaults} others`] : [];
  return `Of ${count} files, ${[...told, ...more].join(', ')}.`;
}

/** Under names that hold the attempt, beside those of all others: what is no result takes no result's name (S5). */
async function setAside(
  { shelf, nameFor }: ClaimedPlace,
  files: readonly JudgedFile[],
): Promise<Asset[]> {
  if (files.length === 0) return [];
  const assets: Asset[] = [];
  for (const file of files) {
    const name = nameFor(file.media.extension, file.index, 'marked');
    const asset = assetOf(`${fileNames.aside}/${name}`, file);
    await shelf.keep(toKeep(file), asset.path, 'own');
    assets.push(asset);
  }
  await shelf.settle(fileNames.aside);
  return assets;
}

/** What thumbnails are made of. */
function picturesOf(
  out: string,
  files: readonly JudgedFile[],
  assets: readonly Asset[],
): PictureSource[] {
  return files.flatMap(({ media, sha256, small }, at): PictureSource[] => {
    if (!media.mediaType.startsWith('image/')) return [];
    return [small ? { sha256, small } : { sha256, path: join(out, assets[at]?.path ?? '') }];
  });
}

function toKeep({ temporary, bytes, sha256, media: { mediaType } }: SavedFile): FileToKeep {
  return { temporary, bytes, sha256, mediaType };
}

function assetOf(path: string, { bytes, sha256, media, size }: NamedFile): Asset {
  return { path, bytes, sha256, media_type: media.mediaType, ...size };
}

/** A text as a result file, in the same steps (S5). */
export async function saveText(text: string, place: ClaimedPlace): Promise<Asset[]> {
  const folder = join(place.shelf.folder, fileNames.assets);
  const temporary = join(folder, `.${randomUUID()}.part`);
  const content = Buffer.from(text);
  try {
    const file = await openTemporary(temporary);
    try {
      await writeAll(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
    const sha256 = createHash('sha256').update(content).digest('hex');
    const media = { extension: 'txt', mediaType: 'text/plain' };
    const saved = { temporary, bytes: content.length, sha256, media, index: 0, size: null };
    return await putInPlace([saved], place);
  } finally {
    await unlink(temporary).catch(ignoreMissing);
  }
}

async function fetchFile(
  downloader: Downloader,
  {
    url,
    temporary,
    manner,
  }: { url: string; temporary: string; manner: DownloadManner | undefined },
): Promise<{ kind: 'fetched'; file: FetchedFile } | Exclude<DownloadOutcome, { kind: 'saved' }>> {
  const file = await openTemporary(temporary);
  try {
    const start: Buffer[] = [];
    let seen = 0;
    const write = async (chunk: Buffer): Promise<void> => {
      if (seen < sniffBytes) start.push(chunk.subarray(0, sniffBytes - seen));
      seen += chunk.length;
      await writeAll(file, chunk);
    };
    const outcome = await downloader.download(url, write, manner);
    if (outcome.kind !== 'saved') return outcome;
    await file.sync();
    const { bytes, sha256, declaredType } = outcome;
    const media = await lookAtResult(Buffer.concat(start), declaredType);
    return { kind: 'fetched', file: { temporary, bytes, sha256, media } };
  } finally {
    await file.close();
  }
}

/** In a folder that is made with the first file. */
async function openTemporary(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await makeFolder(dirname(path));
    return open(path, 'wx');
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/**
 * Never in the place of another file: a line may name it, of an earlier attempt or of one that was taken for lost.
 * Done again after a crash, it finds its own files and leaves them.
 */
async function putInPlace(
  files: readonly NamedFile[],
  { shelf, nameFor, claimPlain }: ClaimedPlace,
): Promise<Asset[]> {
  const pathsOf = (marked: 'plain' | 'marked') =>
    files.map(
      ({ media, index }) => `${fileNames.assets}/${nameFor(media.extension, index, marked)}`,
    );
  const plain = pathsOf('plain');
  const claimed = await claimPlain(async () => {
    const held = await Promise.all(plain.map((path) => shelf.isHeld(path)));
    return held.includes(true) ? 'taken' : 'free';
  });
  const hashes =
    claimed === 'plain' ? await Promise.all(plain.map((path) => shelf.hashOf(path))) : [];
  const ours = hashes.every((hash, index) => hash === null || hash === files[index]?.sha256);
  const marked = claimed === 'plain' && ours ? 'plain' : 'marked';
  const paths = pathsOf(marked);
  const assets: Asset[] = [];
  for (const [at, file] of files.entries()) {
    const path = paths[at] ?? '';
    // A name that has the attempt in it is only this attempt's.
    await shelf.keep(toKeep(file), path, marked === 'marked' ? 'own' : 'free');
    assets.push(assetOf(path, file));
  }
  await shelf.settle(fileNames.assets);
  return assets;
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const { bytesWritten } = await file.write(chunk, written);
    written += bytesWritten;
  }
}

export interface AssetPlace {
  briefId: string;
  /** The brief's id, or what `--name` made of its row. */
  wanted: string;
  /** Null where the name needs none: nothing of another attempt has it. */
  attempt: number | null;
  /** The batch's: pictures of an earlier life stay as they are. */
  nonce: string;
  /** From 0, of `count`. */
  index: number;
  count: number;
  /** Without the dot. */
  extension: string;
  name: 'plain' | 'needs_suffix';
}

/** File name under `assets/`: the name, then what keeps it unique, then the extension. */
export function assetName(place: AssetPlace): string {
  const parts = [safeName(place.wanted)];
  if (place.name === 'needs_suffix') {
    parts.push(`~${createHash('sha256').update(place.briefId).digest('hex').slice(0, 10)}`);
  }
  if (place.nonce !== '') parts.push(`~${place.nonce}`);
  if (place.attempt !== null) parts.push(`~try${place.attempt}`);
  if (place.count > 1) parts.push(`~${place.index + 1}`);
  return `${parts.join('')}.${place.extension}`;
}
