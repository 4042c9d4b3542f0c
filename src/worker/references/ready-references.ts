import { type Addresses, lacksAddresses } from '../../ledger/reference-ledger.js';
import type { Uploaded } from '../../ledger/upload-ledger.js';
import type { JsonObject } from '../../shared/json.js';
import { placeholdersIn, resolveItems } from '../../shared/reference-items.js';
import type { UnsentBrief } from '../stages/permit.js';
import { endBrief, type StageContext, type Step } from '../stages/step.js';
import { errorOf, uploadReference } from './upload.js';

const withoutIdMessage =
  'The API gave no id for an uploaded reference, by which a chat could name it; nothing was paid.';

/**
 * Uploads what a brief refers to, where that was not done before, and saves the addresses that its attempt sends;
 * before it has a permit, so that an upload takes nobody's turn or place in flight. Safe to repeat at any point.
 * @returns null where the brief may ask for leave now
 */
export async function readyReferences(
  context: StageContext,
  brief: UnsentBrief,
): Promise<Step | null> {
  const { references } = context.ledger;
  const { attempt } = brief.state;
  const look = await references.look(brief.id);
  const { read } = look;
  if (read?.state.stage !== 'admitted' || !lacksAddresses(look, attempt)) return null;
  const { body, request } = brief.content;
  const { model } = request;
  const uploads = new Map<string, Uploaded>();
  for (const sha256 of new Set(placeholdersIn(body))) {
    const end = await uploadReference(context, brief, { sha256, model });
    switch (end.kind) {
      case 'wait':
        return end.step;
      case 'failed':
        return endBrief(context, brief, { status: 'failed', error: end.error });
      case 'uploaded':
        if (request.endpoint === 'chat' && end.upload.fileId === null) {
          const error = errorOf('upload_failed', withoutIdMessage);
          return endBrief(context, brief, { status: 'failed', error });
        }
        uploads.set(sha256, end.upload);
        break;
      default:
        end satisfies never;
    }
  }
  const items =
    request.endpoint === 'chat'
      ? resolveItems(body, (sha256) => ({ file_id: uploads.get(sha256)?.fileId ?? '' }))
      : await itemsFor(context, body, uploads);
  const { sends } = read.state;
  const oldestMs = Math.min(...[...uploads.values()].map(({ uploadedAtMs }) => uploadedAtMs));
  const renewals = renewalsFor(look.addresses, attempt);
  const addresses = { attempt, sends, items, oldestMs, renewals, refused: false };
  await references.saveAddresses(brief.id, read, addresses);
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

/** How often the API's refusal of an address has led to new ones; these among them, where it is why they are made. */
function renewalsFor(earlier: Addresses | null, attempt: number): number {
  if (earlier?.attempt === attempt) return earlier.renewals;
  return earlier?.refused && earlier.attempt === attempt - 1 ? earlier.renewals + 1 : 0;
}
