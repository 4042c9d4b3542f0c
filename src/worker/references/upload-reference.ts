import { createHash } from 'node:crypto';
import type { Upload, UploadSubject } from '../../shared/ledger/upload-ledger.js';
import { uploadLockMs } from '../../shared/ledger/upload-ledger.js';
import type { ReferenceFile } from '../../shared/reference-items.js';
import type { StageContext } from '../stage-context.js';
import { actOnUpload } from './act-on-upload.js';
import { lookAgain } from './look-again.js';
import { openReference } from './open-reference.js';
import type { UploadEnd, WantedUpload } from './upload-end.js';

const shortestWaitMs = 300;
const longestWaitMs = 3_000;
/** So many bytes take about a millisecond on an ordinary line. */
const bytesPerMs = 2_000;

/** The upload of a file for a model: the one there is, by whichever brief or machine, or a new one. */
export async function uploadReference(
  context: StageContext,
  wanted: WantedUpload,
): Promise<UploadEnd> {
  const { subject, job } = wanted;
  const { uploads } = context.account;
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
    return made === null ? await upload(context, wanted, file) : endFor(made);
  } finally {
    clearInterval(keeping);
    await uploads.unlock(subject);
  }
}

function endFor(upload: Upload): UploadEnd {
  if (upload.kind === 'uploaded') return { kind: 'uploaded', upload };
  const { code, message, requestId } = upload;
  return { kind: 'failed', error: { code, message, request_id: requestId } };
}

/** In its turn of the pace, like every request (S7); it takes no place in flight. */
async function upload(
  context: StageContext,
  wanted: WantedUpload,
  file: ReferenceFile,
): Promise<UploadEnd> {
  const { subject, job } = wanted;
  const { sha256, model } = subject;
  const opened = await openReference(file);
  if (opened.kind === 'missing') {
    const message = `${file.path} cannot be read on this machine (${opened.reason}); nothing was paid.`;
    return lookAgain(job, 'reference_missing', message);
  }
  if (opened.kind === 'changed') {
    const message = `${file.path} has changed since the input was checked; nothing was paid.`;
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
  return actOnUpload(context, wanted, outcome);
}

function requestIdFor({ sha256, model }: UploadSubject): string {
  const digest = createHash('sha256').update(`${sha256}\n${model}`).digest('hex');
  return `rvb-file-${digest.slice(0, 40)}`;
}
