import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  type Upload,
  type Uploaded,
  type UploadSubject,
  uploadLockMs,
} from '../../ledger/upload-ledger.js';
import type { Refusal, UploadOutcome } from '../../rivya/outcome.js';
import type { LineError } from '../../shared/manifest-line.js';
import type { ReferenceFile } from '../../shared/reference-items.js';
import { logAnswer } from '../stages/answers.js';
import type { UnsentBrief } from '../stages/permit.js';
import {
  explainRefusal,
  holdAll,
  holdFor,
  holdForRead,
  meaningOf,
  noteTaken,
} from '../stages/refusal.js';
import type { FetchStored, StageContext, StageJob, Step } from '../stages/step.js';

const shortestWaitMs = 300;
const longestWaitMs = 3_000;
/** So many bytes take about a millisecond on an ordinary line. */
const bytesPerMs = 2_000;

/** The upload of a file for a model: the one there is, by whichever brief or machine, or a new one. */
export async function uploadReference(
  context: StageContext,
  brief: UnsentBrief,
  subject: UploadSubject,
): Promise<UploadEnd> {
  const { job } = brief;
  const { uploads } = context.account;
  showReference(context, subject.sha256);
  const known = await uploads.read(subject);
  if (known !== null) return endFor(known);
  const file = await context.ledger.references.file(subject.sha256);
  if (file === null) {
    return lookAgain(job, 'reference_missing', 'Nobody knows any more where its file is.');
  }
  if ((await uploads.lock(subject)) === 'busy') {
    const usualMs = Math.max(shortestWaitMs, Math.min(longestWaitMs, file.bytes / bytesPerMs));
    return { kind: 'wait', step: { kind: 'later', afterMs: usualMs * (0.5 + Math.random()) } };
  }
  const keeping = setInterval(() => {
    // Another may then upload the same, which costs nothing but time.
    uploads.keepLock(subject).catch(() => undefined);
  }, uploadLockMs / 3);
  try {
    const made = await uploads.read(subject);
    return made === null ? await upload(context, brief, subject, file) : endFor(made);
  } finally {
    clearInterval(keeping);
    await uploads.unlock(subject);
  }
}

/** Whoever looks at the results sees beside each what it was made from. */
function showReference({ folder, thumbnails, ledger }: StageContext, sha256: string): void {
  if (folder === null) return;
  thumbnails.addReference(folder.path, sha256, async () => {
    const file = await ledger.references.file(sha256);
    return file?.mediaType.startsWith('image/') ? file.path : null;
  });
}

function endFor(upload: Upload): UploadEnd {
  if (upload.kind === 'uploaded') return { kind: 'uploaded', upload };
  const { code, message, requestId } = upload;
  return { kind: 'failed', error: { code, message, request_id: requestId } };
}

/** In its turn of the pace, like every request (S7); it takes no place in flight. */
async function upload(
  context: StageContext,
  brief: UnsentBrief,
  subject: UploadSubject,
  file: ReferenceFile,
): Promise<UploadEnd> {
  const { job } = brief;
  const { sha256, model } = subject;
  const opened = await openReference(file, context.fetchStored);
  const place = file.from ?? file.path;
  if (opened.kind === 'missing') {
    const message = `${place} cannot be read on this machine (${opened.reason}); nothing was paid.`;
    return lookAgain(job, 'reference_missing', message);
  }
  if (opened.kind === 'changed') {
    const message = `${place} has changed since the input was checked; nothing was paid.`;
    return lookAgain(job, 'reference_changed', message);
  }
  const turn = await context.pacer.turn(`upload\n${sha256}\n${model}`);
  if (turn.kind === 'too_far') {
    return { kind: 'wait', step: { kind: 'later', afterMs: turn.waitMs } };
  }
  await context.ledger.references.countUpload();
  const { name, mediaType, bytes } = file;
  const { content } = opened;
  const clientRequestId = requestIdFor(subject);
  const outcome = await context.client.uploadFile(
    { content, bytes, name, mediaType, model, clientRequestId },
    context.stopping,
  );
  logAnswer(context.log, { endpoint: 'upload', brief: brief.id, ...subject }, outcome);
  await noteTaken(context, 'upload', outcome);
  return actOnUpload(context, brief, subject, outcome);
}

function requestIdFor({ sha256, model }: UploadSubject): string {
  const digest = createHash('sha256').update(`${sha256}\n${model}`).digest('hex');
  return `rvb-file-${digest.slice(0, 40)}`;
}

/** What an answer to an upload means: much the same as one to a submission, but that nothing can have been paid. */
async function actOnUpload(
  context: StageContext,
  brief: UnsentBrief,
  subject: UploadSubject,
  outcome: UploadOutcome,
): Promise<UploadEnd> {
  // A stop of this process cuts an upload off.
  const isOpen = outcome.kind === 'unknown' || outcome.kind === 'unreachable';
  if (isOpen && context.stopping.aborted) return held(0);
  switch (outcome.kind) {
    case 'uploaded': {
      const { url, id: fileId, durationToken, durationSeconds } = outcome.file;
      const upload = { kind: 'uploaded', url, fileId, durationToken, durationSeconds } as const;
      return { kind: 'uploaded', upload: await context.account.uploads.save(subject, upload) };
    }
    case 'refused':
      return actOnRefusal(context, brief, subject, await explainRefusal(context, outcome.refusal));
    case 'unknown':
      return uploadAgain(brief.job, outcome.reason);
    case 'unreachable': {
      const hold = { kind: 'api', reason: outcome.reason, retryAfterMs: null } as const;
      return held(await holdAll(context, hold, 'upload'));
    }
    default:
      return outcome satisfies never;
  }
}

async function actOnRefusal(
  context: StageContext,
  { job }: UnsentBrief,
  subject: UploadSubject,
  refusal: Refusal,
): Promise<UploadEnd> {
  const { code, message, requestId } = refusal;
  const meaning = meaningOf(refusal, 'upload');
  switch (meaning) {
    case 'pace': {
      const afterMs = await holdForRead(context, meaning, refusal);
      return { kind: 'wait', step: { kind: 'later', afterMs } };
    }
    case 'credits':
    case 'key':
    case 'api':
      return held(await holdAll(context, holdFor(meaning, refusal), 'upload'));
    case 'later':
      return uploadAgain(job, message);
    case 'failed': {
      const refused = { kind: 'refused', code, message, requestId } as const;
      await context.account.uploads.saveRefusal(subject, refused);
      return { kind: 'failed', error: { code, message, request_id: requestId } };
    }
    default:
      return meaning satisfies never;
  }
}

function held(waitMs: number): UploadEnd {
  return { kind: 'wait', step: { kind: 'hold', of: 'all', waitMs } };
}

type FileTrouble = 'reference_missing' | 'reference_changed';

const lookAgainMs = 5_000;
const mostLooks = 6;
const firstRetryMs = 5_000;
const longestRetryMs = 60_000;
/** A quarter of an hour of no clear answers to a file. */
const mostUploads = 20;

/** The file is not here as it was: another machine may have it, or a folder come back; a few times. */
function lookAgain(job: StageJob, code: FileTrouble, message: string): UploadEnd {
  const tries = (job.tries ?? 0) + 1;
  if (tries >= mostLooks) return { kind: 'failed', error: errorOf(code, message) };
  return { kind: 'wait', step: { kind: 'later', afterMs: lookAgainMs, tries } };
}

/** An upload without a clear answer makes no task, so it is safe to repeat. */
function uploadAgain(job: StageJob, reason: string): UploadEnd {
  const tries = (job.tries ?? 0) + 1;
  if (tries >= mostUploads) {
    const message = `A reference could not be uploaded (${reason}); nothing was paid.`;
    return { kind: 'failed', error: errorOf('upload_failed', message) };
  }
  const afterMs = Math.min(longestRetryMs, firstRetryMs * 2 ** (tries - 1));
  return { kind: 'wait', step: { kind: 'later', afterMs, tries } };
}

export function errorOf(code: string, message: string): LineError {
  return { code, message, request_id: null };
}

/** What came of one reference for one brief. */
export type UploadEnd =
  | { kind: 'uploaded'; upload: Uploaded }
  /** No slot is held meanwhile (S2). */
  | { kind: 'wait'; step: Step }
  /** It will never be had: the brief fails, and nothing was paid. */
  | { kind: 'failed'; error: LineError };

type OpenedReference =
  | { kind: 'opened'; content: AsyncIterable<Uint8Array> }
  | { kind: 'missing'; reason: string }
  /** It has other content than the brief was checked with. */
  | { kind: 'changed' };

/** Other bytes than those that were checked: the request that sends them must not come to its end. */
class FileChanged extends Error {
  override readonly name = 'FileChanged';
}

/** Where there is no copy of what is in a bucket, as on a machine that did not check the input, one is fetched. */
async function openReference(
  file: ReferenceFile,
  fetchStored: FetchStored,
): Promise<OpenedReference> {
  const opened = await openFile(file);
  if (opened.kind !== 'missing' || file.from === undefined) return opened;
  const fetched = await fetchStored(file.from);
  if (fetched.kind === 'unusable') return { kind: 'missing', reason: fetched.reason };
  return fetched.file.sha256 === file.sha256 ? openFile(fetched.file) : { kind: 'changed' };
}

/**
 * Makes sure that a file is what was checked. What comes back reads it once more, piece by piece as it is sent, and
 * fails before the end where it has changed since.
 */
async function openFile(file: ReferenceFile): Promise<OpenedReference> {
  try {
    for await (const _chunk of checkedContent(file));
    return { kind: 'opened', content: checkedContent(file) };
  } catch (error) {
    if (error instanceof FileChanged) return { kind: 'changed' };
    return { kind: 'missing', reason: (error as NodeJS.ErrnoException).code ?? 'unreadable' };
  }
}

async function* checkedContent({ path, sha256, bytes }: ReferenceFile): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let read = 0;
  let last: Buffer | null = null;
  for await (const chunk of createReadStream(path)) {
    if (last !== null) yield last;
    last = chunk as Buffer;
    read += last.length;
    if (read > bytes) throw new FileChanged(`${path} is longer than it was`);
    hash.update(last);
  }
  // The last piece goes only when all of it is known to be right.
  if (read !== bytes || hash.digest('hex') !== sha256) throw new FileChanged(`${path} has changed`);
  if (last !== null) yield last;
}
