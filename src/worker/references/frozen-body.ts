import { parseContent } from '../../shared/brief-content.js';
import type { Addresses } from '../../shared/ledger/reference-ledger.js';
import { withItems } from '../../shared/reference-items.js';
import type { StageContext } from '../stage-context.js';
import type { StageJob } from '../stage-step.js';
import type { Go } from '../submission.js';
import { needsUploads } from './judge-addresses.js';

/** The bytes of one attempt. */
export type FrozenBody =
  /** `admitted`: what the key is made of; `sent`: the same with addresses in place of placeholders. */
  | { kind: 'body'; admitted: string; sent: string; addresses: Addresses | null }
  /** It refers to files, and what was to be sent in their place is not known (any more). */
  | { kind: 'without_addresses' };

/** To be called after the permit: from then on nobody changes the addresses of this attempt (S1). */
export async function frozenBody(
  { ledger }: StageContext,
  { briefId, attempt }: StageJob,
  { content }: Go,
): Promise<FrozenBody> {
  const { body: admitted } = parseContent(content);
  if (!needsUploads(content)) return { kind: 'body', admitted, sent: admitted, addresses: null };
  const addresses = await ledger.references.addresses(briefId);
  if (addresses?.attempt !== attempt) return { kind: 'without_addresses' };
  return { kind: 'body', admitted, sent: withItems(admitted, addresses.items), addresses };
}
