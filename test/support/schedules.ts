import { onTestFinished } from 'vitest';
import { messageOf } from '../../src/batch/announce.js';
import { type MessageFate, messageKinds, type Webhook } from '../../src/ledger/message-ledger.js';
import { ScheduleLedger } from '../../src/schedule/ledger.js';
import { ScheduleQueue } from '../../src/schedule/queue.js';
import type { Schedule, ScheduleRun } from '../../src/schedule/schedule.js';
import { identity, type OpenLedger } from './ledger.js';

/** Every night at two in Berlin. */
export function plan(name: string, change: Partial<Schedule> = {}): Schedule {
  return {
    v: 1,
    name,
    cron: '0 2 * * *',
    zone: 'Europe/Berlin',
    files: ['/srv/in.csv'],
    out: '/srv/out',
    overlap: 'skip',
    missed: 'once',
    badRows: 'refuse',
    input: {
      format: null,
      delimiter: null,
      headerRow: null,
      sheet: null,
      items: null,
      model: 'z-image',
      prompt: 'Photo of {{title}}',
      id: 'sku',
      params: [],
      references: null,
      fileName: null,
      html: 'to_text',
      variants: 1,
      outputs: [],
      fillDown: [],
      fillDownWithin: null,
      where: [],
      unique: null,
      limit: null,
      sample: null,
      strict: false,
    },
    caps: { batch: 7, day: null },
    minSize: null,
    priority: 0,
    recipe: null,
    keep: { runs: null, days: null },
    state: 'active',
    ...change,
  };
}

/** A webhook that is told of everything. */
export function webhookTo(url: string): Webhook {
  return { url, on: [...messageKinds], network: 'any', trust: 'unsigned' };
}

/** Schedules of the account that a test's ledger is of, and ways to have them run without a worker. */
export function openSchedules({ redis, prefix }: Pick<OpenLedger, 'redis' | 'prefix'>) {
  const ledger = new ScheduleLedger(redis, prefix, identity);
  const queue = new ScheduleQueue(redis, prefix, identity.account);
  onTestFinished(() => queue.close());
  return {
    ledger,
    queue,
    add: async (schedule: Schedule, webhook: Webhook | 'none' = 'none') => {
      await ledger.add(schedule, webhook);
      await queue.start(schedule);
    },
    /** A run as a worker would have left it. */
    note: async (name: string, run: ScheduleRun) => {
      const { claims } = await ledger.runs(name);
      await ledger.claim(name, run, claims);
    },
    /** What became of telling that a run was refused. */
    tell: async (name: string, run: string, fate: MessageFate) => {
      const { messages } = ledger;
      const message = messageOf({
        ...{ kind: 'failed', batch: null, madeMs: 1, about: [name, run] },
        schedule: { name, run },
        said: { text: '', batch: null, out: null, counts: null, credits: null, reason: 'refused' },
      });
      const announcement = { to: `schedule ${name}`, wantedAs: ['failed'], message } as const;
      await messages.announce({ ...announcement, wantedAs: ['failed'] }, null);
      await messages.noteTry(message, fate, 1);
    },
  };
}
