import { parseBody, parseContent } from '../../shared/brief-content.js';
import { resolveItems } from '../../shared/reference-items.js';
import type { SubmitAction } from '../decide-submit.js';
import { giveBack } from '../give-back.js';
import type { StageContext } from '../stage-context.js';
import { type Step, stepFor } from '../stage-step.js';
import type { Acting } from '../submission.js';

/**
 * The API refused an address: its upload is forgotten, and made anew for a new attempt. Other bytes under the same
 * key would be a conflict; and the refusal was clear, so that nothing was charged for this attempt (S1).
 */
export async function renewReferences(
  context: StageContext,
  acting: Acting & { action: Extract<SubmitAction, { kind: 'renew_references' }> },
): Promise<Step> {
  const { job, go } = acting;
  const { references, briefs } = context.ledger;
  const addresses = await references.addresses(job.briefId);
  if (addresses !== null) {
    const { body } = parseContent(go.content);
    const { model } = parseBody(body);
    const sent = new Map<string, string>();
    const urls = addresses.items.map(({ url }) => String(url));
    resolveItems(body, (sha256, item, index) => {
      sent.set(sha256, urls[index] ?? '');
      return item;
    });
    for (const [sha256, url] of sent) {
      await context.account.uploads.forget({ sha256, model }, url);
    }
    const refused = { ...addresses, refused: true };
    if ((await references.saveAddresses(job.briefId, go.brief, refused)) === 'overtaken') {
      return stepFor((await briefs.read(job.briefId))?.state ?? null);
    }
  }
  return giveBack(context, acting, 0);
}
