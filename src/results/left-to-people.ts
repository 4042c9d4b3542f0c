import type { ManifestLine } from '../shared/manifest-line.js';
import { TextIndex } from '../shared/text-index.js';
import { type Decisions, decidedHash, readDecisions } from './decisions.js';
import { DeliveryRecord } from './delivery-record.js';
import { readManifest } from './manifest.js';

/** Why a person is not done with a folder. `unreadable`: it has lines of which nobody can say. */
export type LeftToPeople = 'unknown' | 'again' | 'approved' | 'unreadable';

/**
 * What a person has still to do with the results of a batch that is over: to decide about lines `unknown`, to have made
 * again what was sent back, to hand over what was approved. Null where there is nothing of the kind.
 */
export async function leftToPeople(out: string): Promise<LeftToPeople | null> {
  const decisions = await readDecisions(out);
  const delivered = await readDelivered(out);
  for await (const found of readManifest(out)) {
    if (found.kind === 'unreadable') return 'unreadable';
    if (found.kind !== 'line') continue;
    const left = leftOf(found.line, decisions, delivered);
    if (left !== null) return left;
  }
  return null;
}

function leftOf(
  line: ManifestLine,
  decisions: Decisions,
  delivered: TextIndex,
): LeftToPeople | null {
  if (line.status === 'unknown') return 'unknown';
  const verdict = decisions.of(line);
  if (verdict === 'again') return 'again';
  if (verdict !== 'approved') return null;
  return delivered.has(keyOf(line.brief_id, decidedHash(line))) ? null : 'approved';
}

async function readDelivered(out: string): Promise<TextIndex> {
  const index = new TextIndex(0);
  const record = await DeliveryRecord.open(out);
  try {
    for await (const file of record.known()) index.claim(keyOf(file.brief_id ?? '', file.from));
  } finally {
    await record.close();
  }
  return index;
}

function keyOf(briefId: string, sha256: string | null): string {
  return `${sha256} ${briefId}`;
}
