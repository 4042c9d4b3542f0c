import type { LineError } from '../../shared/manifest-line.js';
import type { StageJob } from '../stage-step.js';
import type { UploadEnd } from './upload-end.js';

type FileTrouble = 'reference_missing' | 'reference_changed';

const lookAgainMs = 5_000;
const mostLooks = 6;
const firstRetryMs = 5_000;
const longestRetryMs = 60_000;
/** A quarter of an hour of no clear answers to a file. */
const mostUploads = 20;

/** The file is not here as it was: another machine may have it, or a folder come back; a few times. */
export function lookAgain(job: StageJob, code: FileTrouble, message: string): UploadEnd {
  const tries = (job.tries ?? 0) + 1;
  if (tries >= mostLooks) return { kind: 'failed', error: errorOf(code, message) };
  return { kind: 'wait', step: { kind: 'later', afterMs: lookAgainMs, tries } };
}

/** An upload without a clear answer makes no task, so it is safe to repeat. */
export function uploadAgain(job: StageJob, reason: string): UploadEnd {
  const tries = (job.tries ?? 0) + 1;
  if (tries >= mostUploads) {
    const message = `A reference could not be uploaded (${reason}); nothing was paid.`;
    return { kind: 'failed', error: errorOf('upload_failed', message) };
  }
  const afterMs = Math.min(longestRetryMs, firstRetryMs * 2 ** (tries - 1));
  return { kind: 'wait', step: { kind: 'later', afterMs, tries } };
}

function errorOf(code: string, message: string): LineError {
  return { code, message, request_id: null };
}
