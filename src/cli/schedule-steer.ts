import { BatchError, ExitCode } from '../shared/errors.js';
import { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { runIdByHand } from '../shared/schedule/schedule-queue.js';
import { isOpen } from '../shared/schedule/schedule-run.js';
import { zoneText } from '../shared/schedule/zone-time.js';
import type { CommandSetup } from './command-setup.js';
import { findSchedule, type Schedules, withSchedules } from './schedule-session.js';

/** A run by hand; a worker takes it, and decides by the schedule's rules. */
export function runNow(setup: CommandSetup, name: string): Promise<ExitCode> {
  return withSchedules(setup, async (schedules) => {
    const { session, account, ledger, queue } = schedules;
    const { overlap } = await findSchedule(ledger, name);
    const busy = await unfinishedBatch(schedules, name);
    if (busy !== null && overlap === 'skip') {
      throw new BatchError(
        'batch_unfinished',
        `${busy} is not finished, and the schedule's rule for that is to skip. See: rivya-batch status ${busy}`,
      );
    }
    const scheduledMs = session.clock.now();
    const id = runIdByHand(scheduledMs);
    await queue.addRun({ v: 1, kind: 'run', schedule: name, id, scheduledMs, trigger: 'hand' });
    const { workers } = await account.view();
    setup.terminal.print(`Schedule ${name} runs now. See: rivya-batch schedule list ${name}`);
    if (workers === 0) {
      setup.terminal.warn('No worker runs with this key: it begins when one does.');
    }
    return ExitCode.succeeded;
  });
}

async function unfinishedBatch(
  { session, account, ledger }: Schedules,
  name: string,
): Promise<string | null> {
  const { connection, settings } = session;
  const { runs } = await ledger.runs(name);
  for (const { run } of runs) {
    if (!isOpen(run)) continue;
    const meta = await new BatchLedger(connection, settings.prefix, run.batch, account).meta();
    if (run.stage !== 'running' || (meta && !meta.finalized)) return run.batch;
  }
  return null;
}

export function pauseSchedule(setup: CommandSetup, name: string): Promise<ExitCode> {
  return withSchedules(setup, async ({ ledger, queue }) => {
    await ledger.setState(await findSchedule(ledger, name), 'paused');
    await queue.stop(name);
    setup.terminal.print(
      `Schedule ${name} is paused until "rivya-batch schedule resume ${name}". Batches that were begun go on.`,
    );
    return ExitCode.succeeded;
  });
}

export function resumeSchedule(setup: CommandSetup, name: string): Promise<ExitCode> {
  return withSchedules(setup, async ({ ledger, queue }) => {
    const schedule = await findSchedule(ledger, name);
    await ledger.setState(schedule, 'active');
    await queue.start(schedule);
    const next = await queue.nextTick(name);
    const when = next === null ? '' : ` Next run: ${zoneText(next, schedule.zone)}.`;
    setup.terminal.print(`Schedule ${name} is active.${when}`);
    return ExitCode.succeeded;
  });
}

export function removeSchedule(setup: CommandSetup, name: string): Promise<ExitCode> {
  return withSchedules(setup, async ({ ledger, queue }) => {
    const { out } = await findSchedule(ledger, name);
    const { runs } = await ledger.runs(name);
    await queue.stop(name);
    await ledger.remove(name);
    setup.terminal.print(`Schedule ${name} is removed. Its batches are still in ${out}.`);
    for (const { run } of runs) {
      if (run.stage === 'running') setup.terminal.note(`${run.batch} goes on to its end.`);
      if (run.stage === 'starting') {
        setup.terminal.warn(
          `${run.batch} was just being queued: look at "rivya-batch status ${run.batch}".`,
        );
      }
    }
    return ExitCode.succeeded;
  });
}
