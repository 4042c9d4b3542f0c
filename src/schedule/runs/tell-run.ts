import { request } from 'undici';
import { createDispatcher, type ProxySettings } from '../../rivya/dispatcher.js';
import { describeFailure, redactSecrets } from '../../rivya/transport-failure.js';
import type { Schedule, ScheduleRun } from '../schedule.js';
import { describeRun, type RunMessage, runEvent } from '../words.js';
import type { ScheduleContext } from './context.js';

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
  const message: RunMessage = {
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
  await queue.addMessage(schedule.name, message);
}

/** The reason holds nothing of the URL, which may be a secret (S8). */
export type PostOutcome = { kind: 'taken' } | { kind: 'refused'; reason: string };

const timeoutMs = 10_000;

/** Posts a message to a webhook of the user's, once; redirects are not followed, as they would carry it elsewhere. */
export async function postWebhook(
  url: string,
  message: RunMessage,
  proxy: ProxySettings,
  userAgent: string,
): Promise<PostOutcome> {
  const protocol = url.startsWith('http:') ? 'http:' : 'https:';
  const dispatcher = createDispatcher({ protocol, proxy });
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': userAgent },
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(timeoutMs),
    });
    await body.dump();
    if (statusCode >= 200 && statusCode < 300) return { kind: 'taken' };
    return { kind: 'refused', reason: `it answered HTTP ${statusCode}` };
  } catch (error) {
    return { kind: 'refused', reason: describeFailure(error) };
  } finally {
    await dispatcher.close();
  }
}
