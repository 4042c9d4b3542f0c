import { type BatchMeta, cappedBy, isOver, leftOf } from '../../ledger/batch-meta.js';
import { lastOutcome, lastTrouble } from '../../schedule/words.js';
import { creditsNumber } from '../../shared/quantities.js';
import { queueNames } from '../../shared/queue-names.js';
import type { Alert, Sight, WatchedBatch } from './overview.js';
import { type AccountSight, accountName, apiIsDown } from './read-account.js';

/** What it was found of. */
interface Finding {
  /** Tells it from others of its kind. */
  key: string;
  of: string;
  detail?: string | null;
  sinceMs?: number;
  about?: Alert['about'];
}

interface AlertKind {
  severity: Alert['severity'];
  /** @param of whose it is: an account, a batch or a schedule, as it is called */
  what(of: string): string;
  toDo: string;
  /** What comes and goes by itself is told when it has been there for so long, in ms; absent: at once. */
  afterMs?: number;
  find(overview: Sight): Finding[];
}

const minuteMs = 60_000;
const dueLongAgoMs = 900_000;
const walletIsKnownMs = 900_000;
/** Of what has ended, a tenth that did not succeed is much. */
const manyShare = 0.1;

/**
 * What wants a person, the worst first: the same decisions and words as the rules of the same names (`RivyaBatch...`) in
 * `ops/alerts.yml`, which wait longer before they wake somebody.
 */
export const alertKinds = {
  NoWorker: {
    severity: 'critical',
    what: (of) => `Briefs of ${of} wait, and no worker is alive.`,
    toDo: 'Start one where the key and the results folder are: "rivya-batch worker", or "rivya-batch continue BATCH" for one batch.',
    find: accountsWhere(
      ({ account, view }, { batches }) =>
        view.workers === 0 &&
        batches.some(({ meta }) => meta.account === account && leftOf(meta) > 0),
    ),
  },
  KeyRefused: {
    severity: 'critical',
    what: (of) => `The API refuses the key of ${of}.`,
    toDo: 'Nothing more is submitted. Check under Settings at Rivya whether the key was revoked, correct RIVYA_API_KEY, and start the worker again.',
    find: accountsWhere(
      ({ view }) => view.gate.kind === 'halted',
      ({ view }) =>
        view.gate.kind === 'halted' ? { detail: `It answers ${view.gate.code}.` } : {},
    ),
  },
  OutOfCredits: {
    severity: 'critical',
    what: (of) => `${capital(of)} is out of credits.`,
    toDo: 'Buy credits: the account is checked at least once a minute, and the batches continue by themselves. Nothing is lost.',
    find: accountsWhere(
      ({ view }) => view.gate.kind === 'parked',
      ({ view }) => (view.gate.kind === 'parked' ? { sinceMs: view.gate.sinceMs } : {}),
    ),
  },
  ApiDown: {
    severity: 'warning',
    what: (of) => `The API does not answer ${of}.`,
    toDo: 'Nothing is lost, and it is asked again at least once a minute. Check the network of the machine, and the status page of Rivya.',
    afterMs: 10_000,
    find: accountsWhere((sight, { atMs }) => apiIsDown(sight, atMs)),
  },
  FilesDue: {
    severity: 'warning',
    what: (of) => `Results of batch ${of} cannot be fetched.`,
    toDo: 'They are paid, and fetched again by themselves. Check the network of the machine that collects, and the server that has them.',
    afterMs: 10_000,
    find: batchesWhere(
      ({ filesDue }) => filesDue.count > 0,
      ({ filesDue }) => filesDue.reason,
    ),
  },
  WalletLow: {
    severity: 'warning',
    what: (of) => `${capital(of)} has fewer credits left than what is still to be made will take.`,
    toDo: 'Buy credits before they run out, or cap the batch with --max-credits; when they run out, it waits.',
    find: accountsWhere(isShort, ({ wallet }) => ({
      detail: `${creditsNumber(wallet?.credits ?? 0)} are left.`,
    })),
  },
  CapReached: {
    severity: 'warning',
    what: (of) => `Batch ${of} waits at its cap on credits.`,
    toDo: 'To continue: "rivya-batch continue BATCH --max-credits N" with a higher N; a cap of a day ends at midnight UTC.',
    find: batchesWhere(({ meta }) => cappedBy(meta) !== null),
  },
  TakenOut: {
    severity: 'warning',
    what: (of) => `Batch ${of} has jobs that ended with unexpected errors.`,
    toDo: 'The log of the worker says which: correct the cause, and retry them under Queues (with --allow-actions).',
    find: batchesWhere(({ queues }) => queueNames.some((name) => queues[name].failed > 0)),
  },
  LinesUnwritten: {
    severity: 'warning',
    what: (of) => `Finished lines of batch ${of} are not written.`,
    toDo: 'Make room if the disk is full, and start a worker that has the folder. Redis keeps the lines until one writes them.',
    afterMs: 5 * minuteMs,
    find: batchesWhere(({ unwritten }) => unwritten > 0),
  },
  ManyWithoutSuccess: {
    severity: 'warning',
    what: (of) => `More than 10 % of what batch ${of} finished did not succeed.`,
    toDo: 'Its page says why, grouped, with what to do; "rivya-batch pause BATCH" stops the spending meanwhile.',
    afterMs: minuteMs,
    // One that is over says so in its state.
    find: batchesWhere(({ meta }) => !isOver(meta) && manyWithoutSuccess(meta)),
  },
  ScheduleNotRun: {
    severity: 'critical',
    what: (of) => `Schedule ${of} has not run when it was due.`,
    toDo: 'Start a "rivya-batch worker" with its key.',
    afterMs: minuteMs,
    find: schedulesWhere(
      ({ schedule, nextMs }, atMs) =>
        schedule.state !== 'paused' && (nextMs === null || atMs - nextMs > dueLongAgoMs),
    ),
  },
  ScheduleJobsWait: {
    severity: 'critical',
    what: (of) => `Schedules of ${of} are due, and no worker takes them.`,
    toDo: 'Start a "rivya-batch worker" with their key; or resume their queue under Queues, where it is paused.',
    afterMs: minuteMs,
    find: ({ schedules, accounts }) =>
      schedules.flatMap(({ account, due }): Finding[] => {
        const sight = accounts.find((known) => known.account === account);
        return due > 0 && sight
          ? [{ key: account, of: `account ${accountName(sight)}`, about: 'schedules' }]
          : [];
      }),
  },
  ScheduleFailed: {
    severity: 'warning',
    what: (of) => `The last run of schedule ${of} did not succeed.`,
    toDo: 'The page of schedules in the monitor says why.',
    find: schedulesWhere(({ history }) => lastOutcome(history) === 'bad'),
  },
  ScheduleWebhookFailed: {
    severity: 'warning',
    what: (of) => `The webhook of schedule ${of} could not be notified.`,
    toDo: 'It is tried again for a day. The page of schedules in the monitor says what it answered; "rivya-batch schedule set" gives it another address.',
    find: schedulesWhere(
      (sight, atMs) => sight.webhook !== null && lastTrouble(sight, atMs) !== null,
    ),
  },
} as const satisfies Record<string, AlertKind>;

type AlertName = keyof typeof alertKinds;

/** Whether what is still to be made takes more than the account had when that was last looked at, a while ago at most. */
function isShort({ account, wallet, view }: AccountSight, { batches, atMs }: Sight): boolean {
  if (wallet === null || view.gate.kind === 'parked') return false;
  const own = batches.filter(({ meta }) => meta.account === account);
  const needed = own.reduce((sum, { needs }) => sum + (needs ?? 0), 0);
  return wallet.credits < needed && atMs - wallet.readAtMs < walletIsKnownMs;
}

function manyWithoutSuccess({ lines }: BatchMeta): boolean {
  const ended = lines.succeeded + lines.failed + lines.unknown + lines.cancelled;
  return lines.failed + lines.unknown > manyShare * ended;
}

function accountsWhere(
  isSo: (sight: AccountSight, overview: Sight) => boolean,
  more: (sight: AccountSight) => Pick<Finding, 'detail' | 'sinceMs'> = () => ({}),
): AlertKind['find'] {
  return (overview) =>
    overview.accounts
      .filter((sight) => isSo(sight, overview))
      .map((sight) => ({
        key: sight.account,
        of: `account ${accountName(sight)}`,
        ...more(sight),
      }));
}

function batchesWhere(
  isSo: (batch: WatchedBatch) => boolean,
  detail: (batch: WatchedBatch) => string | null = () => null,
): AlertKind['find'] {
  return ({ batches }) =>
    batches.filter(isSo).map((batch) => {
      const { name } = batch.meta;
      return { key: name, of: name, detail: detail(batch), about: { batch: name } };
    });
}

function schedulesWhere(
  isSo: (sight: Sight['schedules'][number]['schedules'][number], atMs: number) => boolean,
): AlertKind['find'] {
  return ({ schedules, atMs }) =>
    schedules.flatMap(({ account, schedules: own }) =>
      own
        .filter((sight) => isSo(sight, atMs))
        .map(({ schedule: { name } }) => ({
          key: `${account}/${name}`,
          of: name,
          about: 'schedules' as const,
        })),
    );
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Remembers since when what is wrong has been so. */
export class AlertKeeper {
  private seen = new Map<string, number>();

  /** What is wrong in this look, the worst first, and of these what has been so for longest. */
  look(overview: Sight): Alert[] {
    const { atMs } = overview;
    const seen = new Map<string, number>();
    const alerts = (Object.keys(alertKinds) as AlertName[]).flatMap((name) => {
      const { severity, what, toDo, afterMs = 0, find }: AlertKind = alertKinds[name];
      return find(overview).flatMap(
        ({ key, of, detail = null, sinceMs, about = null }): Alert[] => {
          const mark = `${name} ${key}`;
          const firstMs = this.seen.get(mark) ?? atMs;
          seen.set(mark, firstMs);
          if (atMs - firstMs < afterMs) return [];
          return [{ severity, what: what(of), detail, toDo, sinceMs: sinceMs ?? firstMs, about }];
        },
      );
    });
    this.seen = seen;
    const rank = { critical: 0, warning: 1 };
    return alerts.sort(
      (left, right) => rank[left.severity] - rank[right.severity] || left.sinceMs - right.sinceMs,
    );
  }
}
