import { defaultInFlight } from '../../ledger/account-view.js';
import { leftOf } from '../../ledger/batch-meta.js';
import { type DurationSketch, durationAt } from '../../ledger/durations.js';
import { untoldText } from '../../notify/words.js';
import type { Overview } from '../reading/overview.js';
import { type AccountSight, apiIsDown } from '../reading/read-account.js';
import type { MetricSet } from './metric-set.js';

const quantiles = [0.5, 0.9, 0.99];

/** What all batches of one API origin and key share. */
export function addAccountMetrics(set: MetricSet, { accounts, batches, atMs }: Overview): void {
  const known = set.gauge(
    'account_info',
    'Which API origin an account belongs to, and what its key is called.',
  );
  const workers = set.gauge('workers', 'Live workers.');
  const pending = set.gauge('account_briefs_pending', 'Briefs without a line, over all batches.');
  const held = set.gauge('submissions_held', '1 where submissions are held, by reason.');
  const today = set.gauge('credits_today', 'Credits of this UTC day, over all batches.');
  for (const sight of accounts) {
    const { account, view } = sight;
    const own = batches.filter(({ meta }) => meta.account === account);
    known({ account, origin: sight.origin, label: sight.label ?? '' }, 1);
    workers({ account }, view.workers);
    pending(
      { account },
      own.reduce((sum, { meta }) => sum + leftOf(meta), 0),
    );
    held({ account, reason: 'credits' }, view.gate.kind === 'parked' ? 1 : 0);
    held({ account, reason: 'key' }, view.gate.kind === 'halted' ? 1 : 0);
    held({ account, reason: 'api_down' }, apiIsDown(sight, atMs) ? 1 : 0);
    held({ account, reason: 'limit' }, view.rest === null ? 0 : 1);
    today({ account, kind: 'spent' }, sight.today.spent);
    today({ account, kind: 'reserved' }, sight.today.reserved);
    addPaceMetrics(set, sight, atMs);
    addDurationMetrics(set, sight);
    addAnswerMetrics(set, sight);
    addWalletMetrics(set, sight);
    addMessageMetrics(set, sight, atMs);
  }
}

/** Those that were given up stay for as long as they are kept. */
function addMessageMetrics(
  set: MetricSet,
  { account, messages }: AccountSight,
  atMs: number,
): void {
  const untold = set.gauge(
    'messages_untold',
    'Messages to webhooks that could not be notified, given up or to be tried again.',
  );
  const count = messages.filter((message) => untoldText(message, atMs) !== null).length;
  untold({ account }, count);
}

function addPaceMetrics(set: MetricSet, sight: AccountSight, atMs: number): void {
  const { account, view, oldestInFlightMs } = sight;
  const turns = set.counter('paced_requests_total', 'Requests that the pace gave a turn.');
  const refusals = set.counter('refusals_total', 'Requests that the API refused with 429.');
  const limit = set.gauge('pace_limit', 'Requests a second that are allowed, by where it is from.');
  const inFlight = set.gauge('in_flight', 'Tasks that are sent and not known to be over.');
  const cap = set.gauge('in_flight_limit', 'Tasks that may be in flight, by where it is from.');
  const oldest = set.gauge('in_flight_oldest_seconds', 'For how long the oldest place is taken.');
  turns({ account }, sight.turns);
  refusals({ account }, sight.refusals);
  if (view.told.rate !== null) limit({ account, source: 'told' }, view.told.rate);
  if (view.learnedRate !== null) limit({ account, source: 'learned' }, view.learnedRate);
  inFlight({ account }, view.inFlight);
  if (view.told.inFlight !== null) cap({ account, source: 'told' }, view.told.inFlight);
  else if (view.learnedInFlight !== null) cap({ account, source: 'learned' }, view.learnedInFlight);
  else cap({ account, source: 'default' }, defaultInFlight);
  oldest({ account }, oldestInFlightMs === null ? 0 : Math.max(0, atMs - oldestInFlightMs) / 1000);
}

function addDurationMetrics(set: MetricSet, { account, durations, lags }: AccountSight): void {
  const duration = set.gauge(
    'task_duration_seconds',
    'How long tasks took from acceptance to end, by model, of the last hundreds of them.',
  );
  const lag = set.gauge(
    'notice_seconds',
    'From the end of a task, as the API tells it, to the check that found it, by model, of the last hundreds; 0.25 at the least.',
  );
  addQuantiles((labels, seconds) => duration({ account, ...labels }, seconds), durations);
  addQuantiles((labels, seconds) => lag({ account, ...labels }, seconds), lags);
}

function addQuantiles(
  put: (labels: { model: string; quantile: string }, seconds: number) => void,
  sketches: ReadonlyMap<string, DurationSketch>,
): void {
  for (const [model, sketch] of sketches) {
    for (const quantile of quantiles) {
      const ms = durationAt(sketch, quantile);
      if (ms !== null) put({ model, quantile: String(quantile) }, ms / 1000);
    }
  }
}

function addAnswerMetrics(set: MetricSet, { account, answers }: AccountSight): void {
  const total = set.counter(
    'answers_total',
    'Answers by endpoint and outcome: ok, why it was refused, or unknown and unreachable. Told once a second, so that a process that is killed takes its last ones along.',
  );
  for (const { endpoint, outcome, count } of answers) total({ account, endpoint, outcome }, count);
}

function addWalletMetrics(set: MetricSet, { account, wallet }: AccountSight): void {
  const credits = set.gauge('wallet_credits', 'The balance, as the API last told a worker or run.');
  const readAt = set.gauge(
    'wallet_credits_read_timestamp_seconds',
    'When the balance was read: every few minutes while there is work.',
  );
  if (wallet === null) return;
  credits({ account }, wallet.credits);
  readAt({ account }, wallet.readAtMs / 1000);
}
