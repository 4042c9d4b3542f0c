import { parseContent } from '../../shared/brief-content.js';
import type { ReferenceLook } from '../../shared/ledger/reference-ledger.js';
import { uploadLifeMs } from '../../shared/ledger/upload-ledger.js';
import { mentionsFiles, placeholdersIn } from '../../shared/reference-items.js';

/** Whether a brief refers to files, which are sent as the addresses of their uploads. */
export function needsUploads(content: string): boolean {
  return mentionsFiles(content) && placeholdersIn(parseContent(content).body).length > 0;
}

/**
 * Whether the addresses of an attempt are still to be made, or are too old for its first send. Once they were sent
 * they are what they are: the same attempt is the same bytes (S1).
 */
export function lacksAddresses(
  { read, addresses, submissions, nowMs }: ReferenceLook,
  attempt: number,
): boolean {
  const state = read?.state;
  // One that is elsewhere, or would get no leave, is told so where it asks for leave; nothing is uploaded for it.
  if (state?.stage !== 'admitted' || state.attempt !== attempt) return false;
  if (submissions === 'held') return false;
  if (addresses?.attempt !== attempt) return true;
  if (state.sends > addresses.sends) return false;
  return nowMs - addresses.oldestMs >= uploadLifeMs;
}
