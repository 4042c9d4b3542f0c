import { parseBody, parseContent } from '../shared/brief-content.js';
import type { SubmitRequest } from '../shared/ledger/submit-permit.js';
import { priceKind } from '../shared/price-kind.js';
import type { StageContext } from './stage-context.js';
import type { StageJob } from './stage-step.js';

/** What the ledger must know of a brief to say whether it may be submitted (S6). */
export function describeSubmission(
  context: StageContext,
  { briefId: id, attempt }: StageJob,
  content: string,
): SubmitRequest {
  const body = parseBody(parseContent(content).body);
  const { guess, least } = context.priceOf(body.model);
  return { id, attempt, priceKind: priceKind(body), guess, least };
}
