import type { Logger } from 'pino';
import type { AccountLedger } from '../ledger/account-ledger.js';
import { Messenger } from '../notify/messenger.js';
import { messagePoster } from '../notify/post-message.js';
import { shownWebhook } from '../notify/words.js';
import { systemClock } from '../shared/clock.js';
import { type StoreSession, type Teller, userAgent } from './store-session.js';

/** Tells what the account has to tell, once it is started. */
export function openMessenger(
  { settings, clock }: StoreSession,
  { account, messages }: AccountLedger,
  log: Logger,
): Messenger {
  const { proxy, notifySecret: secret } = settings;
  const post = messagePoster({ proxy, userAgent, secret, clock: systemClock });
  return new Messenger({ messages, account, post, clock, log });
}

/** A command that ends does not wait longer for a receiver: others tell what is left. */
const settleWithinMs = 5_000;

/** Before a command ends: what is due is told, and what could not be is said. */
export async function tellBeforeEnd(
  messenger: Messenger,
  { account, batch }: { account: AccountLedger; batch: string },
  teller: Teller,
): Promise<void> {
  await messenger.settle(settleWithinMs);
  await messenger.close();
  const messages = await account.messages.all();
  const untold = messages.find((message) => message.batch === batch && message.fate.kind === 'due');
  if (untold === undefined) return;
  const [webhook] = await account.messages.webhooks([`message ${untold.id}`]);
  const where = webhook ? shownWebhook(webhook).origin : 'The webhook';
  const why = untold.fate.kind === 'due' && untold.fate.why !== null ? `: ${untold.fate.why}` : '';
  teller.warn(
    `${where} could not be notified of batch.${untold.kind} yet${why}. The next "rivya-batch run", or a worker, with this Redis and key tries again, for a day.`,
  );
}
