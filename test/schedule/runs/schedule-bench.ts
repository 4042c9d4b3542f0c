import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { onTestFinished } from 'vitest';
import { AccountLedger } from '../../../src/ledger/account-ledger.js';
import { BatchLedger } from '../../../src/ledger/batch-ledger.js';
import { LedgerClock, readLedgerMs } from '../../../src/ledger/clock.js';
import { clockKey } from '../../../src/ledger/keys.js';
import { bundledModels } from '../../../src/rivya/catalogue.js';
import { ScheduleLedger } from '../../../src/schedule/ledger.js';
import {
  type RunJob,
  runIdOfTick,
  ScheduleQueue,
  scheduleQueueName,
} from '../../../src/schedule/queue.js';
import type { ScheduleContext } from '../../../src/schedule/runs/context.js';
import { stepRun } from '../../../src/schedule/runs/step-run.js';
import type { Schedule } from '../../../src/schedule/schedule.js';
import { machineTime } from '../../../src/shared/clock.js';
import { createLogger } from '../../../src/shared/logger.js';
import { connect, identity, newPrefix } from '../../support/ledger.js';
import { plan } from '../../support/schedules.js';

/** Two at night in Berlin. */
export const tickMs = Date.parse('2026-11-21T01:00:00Z');

/** One schedule in a real Redis, a folder of its own, and a clock that a test sets. */
export async function openScheduleBench(change: Partial<Schedule> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-schedule-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'in.csv');
  const prefix = newPrefix();
  const connection = connect();
  const account = new AccountLedger(connection, prefix, identity.account);
  const ledger = new ScheduleLedger(connection, prefix, identity);
  const queue = new ScheduleQueue(connection, prefix, identity.account);
  const jobs = new Queue(scheduleQueueName(identity.account), {
    connection,
    prefix: queue.bullPrefix,
  });
  onTestFinished(async () => {
    await Promise.all([queue.close(), jobs.close()]);
  });
  const time = { nowMs: tickMs + 40 };
  const stop = new AbortController();
  const context: ScheduleContext = {
    ...{ ledger, queue },
    batches: {
      ...{ redis: connection, prefix, account, origin: identity.origin },
      clock: await LedgerClock.open(() => readLedgerMs(connection, clockKey(prefix)), machineTime),
      categoryOf: () => 'image',
      priceOf: () => ({ guess: 3, least: 1 }),
      places: { home: '', s3Endpoint: null },
    },
    clock: { now: () => time.nowMs },
    log: createLogger('silent', process.stderr, (text) => text),
    stopping: stop.signal,
    readModels: async () => ({ models: bundledModels(), from: 'bundled' }),
    fetchSource: () => Promise.reject(new Error('nothing is fetched here')),
    fetchReference: () => Promise.reject(new Error('nothing is fetched here')),
  };
  const schedule: Schedule = {
    ...plan('shots', { files: [file], out: folder }),
    ...change,
  };
  await ledger.add(schedule, 'none');
  const jobAt = (scheduledMs: number): RunJob => ({
    v: 1,
    kind: 'run',
    schedule: schedule.name,
    id: runIdOfTick(scheduledMs),
    scheduledMs,
    trigger: 'tick',
  });
  return {
    ...{ connection, prefix, account, ledger, queue, jobs, context, time, schedule, folder, stop },
    batch: (name: string) => new BatchLedger(connection, prefix, name, account),
    write: (text: string) => writeFile(file, text),
    step: (scheduledMs = tickMs, changed: Partial<ScheduleContext> = {}) =>
      stepRun({ ...context, ...changed }, jobAt(scheduledMs)),
    run: async (scheduledMs = tickMs) =>
      (await ledger.readRun(schedule.name, runIdOfTick(scheduledMs)))?.run,
    /** What is told of it and of its batches, the first first. */
    told: async () =>
      (await ledger.messages.all())
        .reverse()
        .map(({ body }) => JSON.parse(body) as Record<string, unknown>),
  };
}
