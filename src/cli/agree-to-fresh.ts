import { forgetsResults } from '../producer/open-life.js';
import { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { canAsk, confirm } from './confirm.js';
import { wholeEstimate } from './forecast.js';
import type { RunRequest } from './run-request.js';
import { openAccount, type StoreSession } from './session.js';
import type { Terminal } from './terminal.js';

/**
 * Asks before a fresh start puts aside what there is, where somebody can be asked: a no must find everything as it
 * was, or the next run would pay for all of it again (S1).
 */
export async function agreeToFresh(
  terminal: Terminal,
  session: StoreSession,
  { batch, out, input, models, flags }: RunRequest,
): Promise<'yes' | 'no' | 'not_asked'> {
  if (!flags.fresh || flags.yes || !canAsk()) return 'not_asked';
  const account = openAccount(session);
  const ledger = new BatchLedger(session.connection, session.settings.prefix, batch, account);
  if (!(await forgetsResults({ ledger, out }))) return 'not_asked';
  const estimate = await wholeEstimate(account, { input, models });
  terminal.note(
    `--fresh: what batch ${batch} has made is put aside, and the input is made and paid again. Estimate: ${estimate}.`,
  );
  return confirm('Go on?');
}
