import { z } from 'zod';
import { AccountLedger } from '../../ledger/account-ledger.js';
import { ScheduleLedger, scheduleOwners } from '../../schedule/ledger.js';
import { ScheduleQueue } from '../../schedule/queue.js';
import type { Schedule } from '../../schedule/schedule.js';
import {
  pauseSchedule,
  resumeSchedule,
  runNow,
  type SteeredSchedules,
} from '../../schedule/steer.js';
import { capsWords, whenWords } from '../../schedule/words.js';
import { formatCredits } from '../../shared/quantities.js';
import { scheduleLink } from '../pages/layout.js';
import type { Hands } from './batch-deeds.js';
import type { Acted, Asked, NotNow, Question } from './question.js';

const name = z.string().max(2_000);

/** What is wanted of a schedule, as an address or a form says it. */
export const scheduleWishSchema = z.object({
  deed: z.enum(['run-now', 'pause', 'resume']),
  /** Two accounts may each have one of that name. */
  account: name,
  schedule: name,
  /** Ms since the epoch: when the question was asked. Answered twice, it is one run. */
  asked: z.coerce.number().int().optional(),
});

export type ScheduleWish = z.infer<typeof scheduleWishSchema>;

/** A page that was left open is no answer to what is asked now. */
const answerWithinMs = 10 * 60_000;

interface Found {
  schedules: SteeredSchedules;
  schedule: Schedule;
}

/** Null where there is no such schedule. */
async function withSchedule<T>(
  { redis, prefix, by }: Hands,
  { account, schedule: name }: ScheduleWish,
  work: (found: Found) => Promise<T>,
): Promise<T | null> {
  const owners = await scheduleOwners(redis, prefix);
  const owner = owners.find((known) => known.account === account);
  if (owner === undefined) return null;
  const ledger = new ScheduleLedger(redis, prefix, owner);
  const schedule = await ledger.find(name);
  if (schedule === null) return null;
  const queue = new ScheduleQueue(redis, prefix, account);
  const batches = { redis, prefix, account: new AccountLedger(redis, prefix, account) };
  try {
    return await work({ schedules: { ledger, queue, batches, by }, schedule });
  } finally {
    await queue.close();
  }
}

/** Says what a wish means and costs, without changing anything; null where there is no such schedule. */
export function askOfSchedule(hands: Hands, wish: ScheduleWish): Promise<Asked | null> {
  return withSchedule(hands, wish, (found) => ask(hands, found, wish));
}

async function ask(
  hands: Hands,
  { schedules: { ledger }, schedule }: Found,
  wish: ScheduleWish,
): Promise<Asked> {
  const { name, state } = schedule;
  switch (wish.deed) {
    case 'pause':
      if (state === 'paused') return notNow(wish, `Schedule ${name} is paused.`);
      return question(wish, 'Pause', [
        'No run begins until it is resumed; batches that have begun continue. It costs nothing.',
      ]);
    case 'resume':
      if (state === 'active') return notNow(wish, `Schedule ${name} is not paused.`);
      return question(wish, 'Resume', [
        `It runs again, from the next tick on: ${whenWords(schedule)}. Each run is paid.`,
        ...costWords(schedule, null),
      ]);
    case 'run-now': {
      const { runs } = await ledger.runs(name);
      const last = runs.map(({ run }) => run).findLast((run) => run.stage === 'ended');
      const asked = String(hands.clock.now());
      const says = [
        'A worker makes a batch of its input as it is now, beside its usual runs.',
        ...costWords(schedule, last?.stage === 'ended' ? last.spent : null),
      ];
      return {
        ...question(wish, 'Run now', says),
        title: `Run ${name} now?`,
        fields: { ...fieldsOf(wish), asked },
      };
    }
    default:
      return wish.deed satisfies never;
  }
}

function costWords(schedule: Schedule, lastSpent: number | null): string[] {
  const caps = capsWords(schedule);
  return [
    ...(lastSpent === null
      ? []
      : [`The last run that ended has cost ${formatCredits(lastSpent)}.`]),
    `Caps: ${caps}.`,
  ];
}

/** Does what was agreed to; twice does it once. Null where there is no such schedule. */
export function doToSchedule(hands: Hands, wish: ScheduleWish): Promise<Acted | null> {
  return withSchedule(hands, wish, (found) => act(hands, found, wish));
}

async function act(hands: Hands, found: Found, wish: ScheduleWish): Promise<Acted> {
  const { schedules } = found;
  const done = { kind: 'done', to: scheduleLink(wish.account, wish.schedule) } as const;
  switch (wish.deed) {
    case 'pause':
      await pauseSchedule(schedules, wish.schedule);
      return done;
    case 'resume':
      await resumeSchedule(schedules, wish.schedule);
      return done;
    case 'run-now': {
      const nowMs = hands.clock.now();
      const { asked = 0 } = wish;
      if (asked > nowMs || nowMs - asked > answerWithinMs) {
        const again = await ask(hands, found, wish);
        const because = 'No run was started: this question was open for too long. Ask again.';
        return again.kind === 'question' ? { ...again, because } : again;
      }
      const became = await runNow(schedules, wish.schedule, asked);
      if (became.kind === 'asked') return done;
      return notNow(
        wish,
        `${became.batch} is not finished, and the schedule's rule for that is to skip.`,
      );
    }
    default:
      return wish.deed satisfies never;
  }
}

function question(wish: ScheduleWish, verb: string, says: Question['says']): Question {
  return {
    ...{ kind: 'question', title: `${verb} ${wish.schedule}?`, because: null, says, verb },
    ...{ fields: fieldsOf(wish), input: null },
    back: scheduleLink(wish.account, wish.schedule),
  };
}

function fieldsOf({ deed, account, schedule }: ScheduleWish): Record<string, string> {
  return { deed, account, schedule };
}

function notNow({ account, schedule }: ScheduleWish, why: string): NotNow {
  const back = scheduleLink(account, schedule);
  return { kind: 'not_now', title: schedule, why, commands: [], back };
}
