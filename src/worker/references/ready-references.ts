import type { ReadState } from '../../ledger/brief-state.js';
import {
  type Addresses,
  lacksAddresses,
  type ReferenceLook,
} from '../../ledger/reference-ledger.js';
import type { Uploaded } from '../../ledger/upload-ledger.js';
import { parseBody, parseContent } from '../../shared/brief.js';
import type { JsonObject } from '../../shared/json.js';
import { placeholdersIn, resolveItems } from '../../shared/reference-items.js';
import { endBrief, type StageContext, type StageJob, type Step } from '../stages/step.js';
import { uploadReference } from './upload.js';

/**
 * Uploads what a brief refers to, where that was not done before, and saves the addresses that its attempt sends;
 * before it has a permit, so that an upload takes nobody's turn or place in flight. Safe to repeat at any point.
 * @returns null where the brief may ask for leave now
 */
export async function readyReferences(
  context: StageContext,
  job: StageJob,
  content: string,
): Promise<Step | null> {
  const { references } = context.ledger;
  const look = await references.look(job.briefId);
  if (look.read === null || !lacksAddresses(look, job.attempt)) return null;
  const { body } = parseContent(content);
  const { model } = parseBody(body);
  const uploads = new Map<string, Uploaded>();
  for (const sha256 of new Set(placeholdersIn(body))) {
    const end = await uploadReference(context, { subject: { sha256, model }, job });
    switch (end.kind) {
      case 'wait':
        return end.step;
      case 'failed':
        return endBrief(context, job.briefId, {
          from: look.read,
          end: { status: 'failed', error: end.error, assets: [], urls: [] },
        });
      case 'uploaded':
        uploads.set(sha256, end.upload);
        break;
      default:
        end satisfies never;
    }
  }
  const items = await itemsFor(context, body, uploads);
  const from = { ...look, read: look.read };
  await references.saveAddresses(job.briefId, look.read, addressesFor(from, job, items, uploads));
  // Saved, or overtaken by somebody else: the permit tells which.
  return null;
}

async function itemsFor(
  { ledger }: StageContext,
  body: string,
  uploads: ReadonlyMap<string, Uploaded>,
): Promise<JsonObject[]> {
  const described = new Map<string, JsonObject>();
  for (const [sha256, { url, durationSeconds, durationToken }] of uploads) {
    const file = await ledger.references.file(sha256);
    described.set(sha256, {
      url,
      ...(file && { name: file.name, mimeType: file.mediaType }),
      ...(durationSeconds !== null && { durationSeconds }),
      ...(durationToken !== null && { durationToken }),
    });
  }
  return resolveItems(body, (sha256, item) => ({ ...item, ...described.get(sha256) }));
}

function addressesFor(
  { read, addresses: earlier }: ReferenceLook & { read: ReadState },
  { attempt }: StageJob,
  items: JsonObject[],
  uploads: ReadonlyMap<string, Uploaded>,
): Addresses {
  const { state } = read;
  const kept = earlier?.attempt === attempt ? earlier.renewals : 0;
  const renewed = earlier?.refused === true && earlier.attempt === attempt - 1;
  return {
    attempt,
    sends: 'sends' in state ? state.sends : 0,
    items,
    oldestMs: Math.min(...[...uploads.values()].map(({ uploadedAtMs }) => uploadedAtMs)),
    renewals: renewed ? earlier.renewals + 1 : kept,
    refused: false,
  };
}
