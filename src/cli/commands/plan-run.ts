import { LeftToMake } from '../../batch/compare.js';
import type { OpenedBatch } from '../../batch/continue-batch.js';
import { forgetsResults } from '../../batch/open-batch.js';
import { wholeEstimate } from '../../forecast/credits.js';
import { makePlan, type Plan } from '../../forecast/plan.js';
import { typicalInputMs } from '../../forecast/time.js';
import { BatchLedger } from '../../ledger/batch-ledger.js';
import { DurationLedger } from '../../ledger/durations.js';
import { openAccount, type StoreSession } from '../../session/store-session.js';
import { formatCredits } from '../../shared/quantities.js';
import { isSimulated } from '../../shared/simulated.js';
import { canAsk, confirm } from '../text/agree.js';
import type { Terminal } from '../text/terminal.js';
import type { RunRequest } from './run-request.js';

/** What is left of a batch, with the prices and the pace that its account has learned. */
export async function planRun(
  opened: OpenedBatch,
  { input, models, flags }: Pick<RunRequest, 'input' | 'models' | 'flags'>,
  wallet: number | null,
): Promise<Plan> {
  const { context, ledger, comparison, forced } = opened;
  const { account } = context;
  const durations = new DurationLedger(context.redis, account.keys);
  const { learnedRate, learnedInFlight } = await account.view();
  const left = new LeftToMake(ledger, forced);
  const plan = await makePlan(input, {
    models,
    wallet,
    learnedPrices: await account.prices(),
    pace: {
      told: { rate: flags.rate ?? null, inFlight: flags.inFlight ?? null },
      learned: { rate: learnedRate, inFlight: learnedInFlight },
      taskMs: await typicalInputMs(durations, input.modelUse),
    },
    left: (briefs) => left.of(briefs),
    comparison,
  });
  return { ...plan, watched: left.watched };
}

/** Asks where there is somebody to ask, and the estimate is of some weight. */
export async function askFirst(
  { forecast }: Plan,
  { meta }: OpenedBatch,
  { yes, askAbove, force, maxCredits }: RunRequest['flags'],
): Promise<'go' | 'stop'> {
  if (yes || !canAsk() || isSimulated(meta)) return 'go';
  const cap = maxCredits === 'none' ? null : (maxCredits ?? meta.maxCredits);
  const most = Math.min(forecast.most, Math.max(0, (cap ?? Number.POSITIVE_INFINITY) - meta.spent));
  // What was paid once already is never paid again without a question.
  if (most <= askAbove && !force) return 'go';
  const answer = await confirm(`This may spend up to ${formatCredits(most)}. Go on?`);
  return answer === 'yes' ? 'go' : 'stop';
}

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
    `--fresh: the results of batch ${batch} so far are put aside, and all of the input is made and paid again. Estimate: ${estimate}.`,
  );
  return confirm('Go on?');
}
