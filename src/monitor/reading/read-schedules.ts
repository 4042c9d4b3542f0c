import { ScheduleLedger, type ScheduleOwner, scheduleOwners } from '../../schedule/ledger.js';
import { readScheduleSight, type ScheduleSight } from '../../schedule/words.js';
import type { Ledgers } from './ledgers.js';
import type { ScheduleQueues } from './queues.js';

/** The schedules of one API origin and key: workers take their ticks from one queue. */
export interface AccountSchedules extends ScheduleOwner {
  /** What people call the key; null where they call it nothing. */
  label: string | null;
  /** One at least, in the order of their names. */
  schedules: ScheduleSight[];
  /** Jobs that are due, and that no worker has taken. */
  due: number;
  /** Of these, how many came due so long ago that a worker of schedules would have taken them. */
  late: number;
  /** Paused, as in Bull Board, no schedule of the account runs. */
  queue: 'going' | 'paused';
}

/** A worker takes what is due at once; a restart of it takes less. */
export const lateAfterMs = 60_000;

/** The schedules of all accounts that have any. */
export async function readSchedules(
  ledgers: Ledgers,
  queues: ScheduleQueues,
  nowMs: number,
): Promise<AccountSchedules[]> {
  const owners = await scheduleOwners(ledgers.redis, ledgers.prefix);
  const found = await Promise.all(
    owners.map((owner) => readOwn(ledgers, queues, { owner, nowMs })),
  );
  const schedules = found.filter((own) => own !== null);
  await queues.keepOnly(new Set(schedules.map(({ account }) => account)));
  return schedules;
}

async function readOwn(
  ledgers: Ledgers,
  queues: ScheduleQueues,
  { owner, nowMs }: { owner: ScheduleOwner; nowMs: number },
): Promise<AccountSchedules | null> {
  const { account } = owner;
  const ledger = new ScheduleLedger(ledgers.redis, ledgers.prefix, owner);
  const all = await ledger.all();
  if (all.length === 0) return null;
  const ticks = { nextTick: (name: string) => queues.nextTick(account, name) };
  const messages = await ledger.messages.all();
  const [schedules, due, late, paused, label] = await Promise.all([
    Promise.all(all.map((schedule) => readScheduleSight(ledger, ticks, messages, schedule))),
    queues.countDue(account, nowMs),
    queues.countDelayed(account, nowMs - lateAfterMs),
    queues.of(account).isPaused(),
    ledgers.account(account).records.label(),
  ]);
  return { ...owner, label, schedules, due, late, queue: paused ? 'paused' : 'going' };
}
