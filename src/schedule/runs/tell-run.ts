import { messageOf } from '../../batch/announce.js';
import type { MessageKind } from '../../ledger/message-ledger.js';
import { redactSecrets } from '../../rivya/transport-failure.js';
import type { Schedule, ScheduleRun } from '../schedule.js';
import { describeRun, type RunEvent, runEvent } from '../words.js';
import type { ScheduleContext } from './context.js';

/** Those that no batch tells of, because there is none, or none yet; the others are told as those of any batch. */
const toldAs: Partial<Record<RunEvent, MessageKind>> = {
  cannot_start: 'waiting',
  refused: 'failed',
  skipped: 'failed',
};

/** Logs a run that did not go well, and has it told where its batch does not. Telling twice tells once. */
export async function tellRun(
  { ledger, log, batches }: Pick<ScheduleContext, 'ledger' | 'log' | 'batches'>,
  schedule: Pick<Schedule, 'name' | 'zone'>,
  run: ScheduleRun,
): Promise<void> {
  const event = runEvent(run);
  if (event === null) return;
  const { name } = schedule;
  const text = redactSecrets(
    `${name}: ${describeRun(run, { zone: schedule.zone, origin: batches.origin })}`,
  );
  log.warn({ schedule: name, run: run.id, event }, text);
  const kind = toldAs[event];
  if (kind === undefined) return;
  const { batch, out } = run.stage === 'skipped' ? { batch: null, out: null } : run;
  const message = messageOf({
    ...{ kind, batch: null, madeMs: batches.clock.now() },
    schedule: { name, run: run.id },
    about: [name, run.id, event],
    said: { text, batch, out, counts: null, credits: null, reason: event },
  });
  await ledger.messages.announce({ to: `schedule ${name}`, wantedAs: [kind], message }, null);
}
