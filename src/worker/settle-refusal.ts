import { judgeKey } from '../rivya/judge-key.js';
import type { Refusal } from '../rivya/outcome.js';
import type { StageContext } from './stage-context.js';

/** Who was told the balance so lately has a key that works. */
const sightGoodForMs = 60_000;
/** One look stands in the account's line of reads, whoever wants it. */
const lineMember = 'access';

/**
 * Finds out whom an unexplained refusal is about, by requests that can harm nothing: where they are refused as well,
 * it is the key (`key_refused`) or the whole API (`api_disabled`); else it stays what it is, and is this request's own.
 */
export async function settleRefusal(context: StageContext, refusal: Refusal): Promise<Refusal> {
  if (refusal.kind !== 'unexplained') return refusal;
  const { account, client, clock, pacer } = context;
  const sight = await account.records.wallet();
  if (sight !== null && Math.abs(clock.now() - sight.readAtMs) < sightGoodForMs) return refusal;
  if ((await pacer.turn(lineMember)).kind === 'too_far') return refusal;
  const credits = await client.readCredits();
  if (credits.kind === 'read') await account.records.noteWallet(credits.currentCredits);
  const verdict = judgeKey(credits);
  switch (verdict.kind) {
    case 'works':
    case 'unseen':
      return refusal;
    case 'refused':
      return { ...verdict.refusal, kind: 'key_refused' };
    case 'unsaid': {
      // The same word for two requests that have only the key in common.
      const isCoded = refusal.code !== `http_${refusal.httpStatus}`;
      if (isCoded && verdict.refusal.code === refusal.code) {
        return { ...verdict.refusal, kind: 'key_refused' };
      }
      return (await isShut(context)) ? { ...refusal, kind: 'api_disabled' } : refusal;
    }
    default:
      return verdict satisfies never;
  }
}

/** Whether even what needs no key is refused: then it is this machine, or everybody, who is not let in. */
async function isShut({ client, pacer }: StageContext): Promise<boolean> {
  if ((await pacer.turn(lineMember)).kind === 'too_far') return false;
  const models = await client.listModels();
  return models.kind === 'refused' && models.refusal.kind === 'unexplained';
}
