import type { Uploaded, UploadSubject } from '../../shared/ledger/upload-ledger.js';
import type { LineError } from '../../shared/manifest-line.js';
import type { StageJob, Step } from '../stage-step.js';

/** What came of one reference for one brief. */
export type UploadEnd =
  | { kind: 'uploaded'; upload: Uploaded }
  /** No slot is held meanwhile (S2). */
  | { kind: 'wait'; step: Step }
  /** It will never be had: the brief fails, and nothing was paid. */
  | { kind: 'failed'; error: LineError };

export interface WantedUpload {
  subject: UploadSubject;
  job: StageJob;
}
