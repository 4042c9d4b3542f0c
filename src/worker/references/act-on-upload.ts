import type { Refusal, UploadOutcome } from '../../rivya/outcome.js';
import type { Hold } from '../decide-submit.js';
import { holdSubmissions } from '../hold-submissions.js';
import { noteTaken, refusedReadMs } from '../refused-read.js';
import { settleRefusal } from '../settle-refusal.js';
import type { StageContext } from '../stage-context.js';
import { uploadAgain } from './look-again.js';
import type { UploadEnd, WantedUpload } from './upload-end.js';

/** What an answer to an upload means: much the same as one to a submission, but that nothing can have been paid. */
export async function actOnUpload(
  context: StageContext,
  wanted: WantedUpload,
  outcome: UploadOutcome,
): Promise<UploadEnd> {
  const { subject, job } = wanted;
  logUpload(context, wanted, outcome);
  switch (outcome.kind) {
    case 'uploaded': {
      await noteTaken(context, 'read', outcome.pace);
      const { url, durationToken, durationSeconds } = outcome.file;
      const upload = { kind: 'uploaded', url, durationToken, durationSeconds } as const;
      return { kind: 'uploaded', upload: await context.account.uploads.save(subject, upload) };
    }
    case 'refused':
      return actOnRefusal(context, wanted, await settleRefusal(context, outcome.refusal));
    case 'unknown':
      // A stop of this process cuts it off.
      if (context.stopping.aborted) return held(0);
      return uploadAgain(job, outcome.reason);
    case 'unreachable': {
      if (context.stopping.aborted) return held(0);
      return hold(context, { kind: 'api_down', retryAfterMs: null, reason: outcome.reason });
    }
    default:
      return outcome satisfies never;
  }
}

async function actOnRefusal(
  context: StageContext,
  { subject, job }: WantedUpload,
  refusal: Refusal,
): Promise<UploadEnd> {
  const { code, message, requestId, retryAfterMs } = refusal;
  switch (refusal.kind) {
    case 'rate_limited':
    case 'too_many_running': {
      const afterMs = await refusedReadMs(context, retryAfterMs);
      return { kind: 'wait', step: { kind: 'later', afterMs } };
    }
    case 'insufficient_credits':
      return hold(context, { kind: 'no_credits' });
    case 'key_refused':
      return hold(context, { kind: 'key_refused', code, message, requestId });
    case 'api_disabled':
      return hold(context, { kind: 'api_down', retryAfterMs, reason: message });
    case 'busy':
    case 'unexplained':
    case 'idempotency_conflict':
      return uploadAgain(job, message);
    case 'invalid':
    case 'not_found':
      await context.account.uploads.saveRefusal(subject, {
        kind: 'refused',
        code,
        message,
        requestId,
      });
      return { kind: 'failed', error: { code, message, request_id: requestId } };
    default:
      return refusal.kind satisfies never;
  }
}

async function hold(context: StageContext, why: Hold): Promise<UploadEnd> {
  return held(await holdSubmissions(context, why, 'none'));
}

function held(waitMs: number): UploadEnd {
  return { kind: 'wait', step: { kind: 'hold', waitMs } };
}

/** Without the URL, whose query may be a token (S8). */
function logUpload(
  { log }: StageContext,
  { subject, job }: WantedUpload,
  outcome: UploadOutcome,
): void {
  const asked = { endpoint: 'upload', brief: job.briefId, ...subject };
  switch (outcome.kind) {
    case 'uploaded':
      log.debug({ ...asked, file: outcome.file.id }, outcome.kind);
      return;
    case 'refused': {
      const { code, httpStatus, requestId: request } = outcome.refusal;
      log.debug({ ...asked, code, httpStatus, request }, outcome.kind);
      return;
    }
    case 'unknown':
    case 'unreachable':
      log.debug({ ...asked, reason: outcome.reason }, outcome.kind);
      return;
    default:
      outcome satisfies never;
  }
}
