import type { SubmitPermit } from '../shared/ledger/submit-permit.js';
import type { SubmitAction } from './decide-submit.js';
import type { StageJob } from './stage-step.js';

/** Leave to send one submission: its turn, its place in flight, its saved state. */
export type Go = Extract<SubmitPermit, { kind: 'go' }> & { content: string };

/** A submission that was answered, and what the answer means. */
export interface Acting {
  job: StageJob;
  go: Go;
  action: SubmitAction;
}
