import type { AnswerCount, WalletSight } from '../../ledger/account-ledger.js';
import { type AccountView, utcDay } from '../../ledger/account-view.js';
import { DurationLedger, type DurationSketch } from '../../ledger/durations.js';
import type { Message } from '../../ledger/message-ledger.js';
import { modelOf } from '../../shared/brief.js';
import type { Ledgers } from './ledgers.js';

/** One API origin and key, as all its batches share it. */
export interface AccountSight {
  /** Hash over both: the key itself is nowhere. */
  account: string;
  origin: string;
  /** What people call the key; null where they call it nothing. */
  label: string | null;
  view: AccountView;
  /** Turns that the pace gave for requests so far, and how many requests the API refused with 429. */
  turns: number;
  refusals: number;
  /** Since when the oldest place in flight is taken, in ms since the epoch; null where none is. */
  oldestInFlightMs: number | null;
  /** Credits of this UTC day. */
  today: { spent: number; reserved: number };
  /** Price kind -> the largest price seen. */
  prices: Map<string, number>;
  /** How long tasks took, by model; only models that were charged before. */
  durations: Map<string, DurationSketch>;
  /** How late ends of tasks were noticed, likewise. */
  lags: Map<string, DurationSketch>;
  /** Null where nobody has read it yet. */
  wallet: WalletSight | null;
  answers: AnswerCount[];
  /** Whether the last requests to the API had no answer at all. */
  isSilent: boolean;
  /** What it has to tell, and had lately. */
  messages: Message[];
}

/** What people call its key, or else the beginning of its hash: stands after the word `account`. */
export function accountName({ account, label }: Pick<AccountSight, 'account' | 'label'>): string {
  return label ?? account.slice(0, 8);
}

/** While it is down it is tried again once a minute at least: until it has answered, it is taken to be down in between, too. */
const longestDownSpacingMs = 60_000;

/** Whether the API does not answer: to submissions, which are held then, or to whatever else is asked while none can be sent. */
export function apiIsDown({ view, isSilent }: AccountSight, atMs: number): boolean {
  return view.downUntilMs > atMs - longestDownSpacingMs || (isSilent && view.workers > 0);
}

const noAnswers = new Set(['unknown', 'unreachable']);

/** Whether the last that was asked of the API was answered at all, by the counts of one look after the other. */
export class SilenceWatch {
  private readonly known = new Map<string, { answered: number; lost: number; isSilent: boolean }>();

  isSilent(account: string, answers: readonly AnswerCount[]): boolean {
    const ofApi = answers.filter(({ endpoint }) => endpoint !== 'download');
    const sum = (counts: AnswerCount[]) => counts.reduce((total, { count }) => total + count, 0);
    const lost = sum(ofApi.filter(({ outcome }) => noAnswers.has(outcome)));
    const answered = sum(ofApi) - lost;
    const before = this.known.get(account) ?? { answered, lost, isSilent: false };
    const isSilent = answered === before.answered && (lost > before.lost || before.isSilent);
    this.known.set(account, { answered, lost, isSilent });
    return isSilent;
  }
}

export async function readAccount(
  ledgers: Ledgers,
  silence: SilenceWatch,
  { account, origin }: Pick<AccountSight, 'account' | 'origin'>,
): Promise<AccountSight> {
  const ledger = ledgers.account(account);
  const { redis } = ledgers;
  const { keys } = ledger;
  const today = keys.day + utcDay(ledgers.clock.now());
  const [view, shared, submissions, oldest, day, prices, wallet, answers, messages, label] =
    await Promise.all([
      ledger.view(),
      redis.hget(keys.pace, 'booked'),
      redis.hget(keys.submitPace, 'booked'),
      redis.zrange(keys.inFlight, '0', '0', 'WITHSCORES'),
      redis.hmget(today, 'spent', 'reserved'),
      ledger.prices(),
      ledger.records.wallet(),
      ledger.records.answers(),
      ledger.messages.all(),
      ledger.records.label(),
    ]);
  const models = [...new Set([...prices.keys()].map(modelOf))].sort();
  const [durations, lags] = await Promise.all([
    readSketches(new DurationLedger(redis, keys), models),
    readSketches(new DurationLedger(redis, { durations: keys.notices }), models),
  ]);
  return {
    account,
    origin,
    label,
    view,
    turns: Number(shared ?? 0) + Number(submissions ?? 0),
    refusals: view.refusals,
    oldestInFlightMs: oldest[1] === undefined ? null : Number(oldest[1]),
    today: { spent: Number(day[0] ?? 0), reserved: Number(day[1] ?? 0) },
    prices,
    durations,
    lags,
    wallet,
    answers,
    isSilent: silence.isSilent(account, answers),
    messages,
  };
}

/** By model; only those of which something is known. */
async function readSketches(
  ledger: DurationLedger,
  models: readonly string[],
): Promise<Map<string, DurationSketch>> {
  const sketches = await Promise.all(
    models.map(async (model) => [model, await ledger.read(model)] as const),
  );
  return new Map(sketches.filter(([, sketch]) => sketch.total > 0));
}
