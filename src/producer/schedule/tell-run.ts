import { redactSecrets } from '../../rivya/redact-secrets.js';
import { describeRun, runEvent } from '../../shared/schedule/describe-run.js';
import type { RunNotice } from '../../shared/schedule/run-notice.js';
import type { Schedule } from '../../shared/schedule/schedule.js';
import type { ScheduleRun } from '../../shared/schedule/schedule-run.js';
import type { ScheduleContext } from './schedule-context.js';

/** Logs a run that did not end well, and has the webhook told where there is one. Telling twice tells once. */
export async function tellRun(
  { ledger, queue, log }: Pick<ScheduleContext, 'ledger' | 'queue' | 'log'>,
  schedule: Pick<Schedule, 'name' | 'zone'>,
  run: ScheduleRun,
): Promise<void> {
  const event = runEvent(run);
  if (event === null) return;
  const text = redactSecrets(`${schedule.name}: ${describeRun(run, schedule.zone)}`);
  log.warn({ schedule: schedule.name, run: run.id, event }, text);
  if (!(await ledger.hasWebhook(schedule.name))) return;
  const placed = run.stage === 'skipped' ? { batch: null, out: null } : run;
  const ended = run.stage === 'ended' || run.stage === 'refused';
  const notice: RunNotice = {
    text,
    event,
    schedule: schedule.name,
    run: run.id,
    batch: placed.batch,
    out: placed.out,
    scheduled: new Date(run.scheduledMs).toISOString(),
    exit_code: ended ? run.exitCode : null,
    counts: run.stage === 'ended' ? run.counts : null,
  };
  await queue.addNotice(schedule.name, notice);
}
