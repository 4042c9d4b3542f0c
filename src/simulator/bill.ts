import type { LoggedRequest } from './request-log.js';
import type { SimulatedApi } from './simulated-api.js';
import { phaseOf, type SimulatedTask } from './task.js';
import type { UploadedFile } from './upload.js';

/** Credits that moved for one key, prompt or the whole account: spent = charged - refunded. */
interface Charges {
  tasks: number;
  charged: number;
  refunded: number;
  spent: number;
}

interface IdempotencyKeyCharges extends Charges {
  taskIds: string[];
}

/** What was done and charged, from the API's side: tests ask this, never the client. */
export interface Bill {
  /** Credits left. */
  wallet: number;
  total: Charges;
  tasks: { running: number; succeeded: number; failed: number; maxRunning: number };
  /** API keys are cut to their ends: a bill may be printed. */
  byApiKey: Record<string, Charges>;
  byIdempotencyKey: Record<string, IdempotencyKeyCharges>;
  byPrompt: Record<string, Charges>;
  /** Idempotency keys that made more than one task. */
  billedTwice: (IdempotencyKeyCharges & { idempotencyKey: string })[];
  requests: {
    /** To the API, downloads not counted. */
    total: number;
    /** Counts by endpoint and status; `dropped` and `unanswered` are statuses too. */
    byEndpoint: Record<string, Record<string, number>>;
    maxInWindow: number;
    /** The span of `maxInWindow`: that of the limit over all endpoints, else one second. */
    windowMs: number;
  };
  /** Answers with status 429. */
  refusals: number;
  /** Submissions whose Idempotency-Key was known. */
  replays: number;
  /** Files that were taken; by content and model, those that came more than once. */
  uploads: { files: number; repeated: Record<string, number> };
  faults: Record<string, number>;
  /** Requests for files that carried an Authorization header. */
  authorizationViolations: { at: number; path: string }[];
  /** Only on demand. */
  requestLog?: readonly LoggedRequest[];
}

/** Adds it all up; takes as long as there are tasks and requests. */
export function drawUpBill(api: SimulatedApi): Bill {
  const { history, settings } = api;
  const now = api.clock.now();
  history.tasks.settleDue(now);
  const windowMs = settings.rate?.windowMs ?? 1000;
  const byEndpoint = history.requests.counts();
  const all = history.requests.all();
  return {
    wallet: history.wallet.balance,
    ...chargesOf(history.tasks.all()),
    tasks: { ...countTasks(history.tasks.all(), now), maxRunning: history.tasks.maxRunning },
    requests: {
      total: all.filter(({ endpoint }) => endpoint !== 'download').length,
      byEndpoint,
      maxInWindow: history.requests.maxInWindow(windowMs),
      windowMs,
    },
    refusals: all.filter(({ status }) => status === 429).length,
    replays: history.replays,
    uploads: countUploads(history.uploads.values()),
    faults: api.faults.applied(),
    authorizationViolations: [...history.authorizationViolations],
  };
}

function chargesOf(tasks: Iterable<SimulatedTask>) {
  const total = noCharges();
  const byApiKey: Bill['byApiKey'] = Object.create(null);
  const byPrompt: Bill['byPrompt'] = Object.create(null);
  const byIdempotencyKey: Bill['byIdempotencyKey'] = Object.create(null);
  for (const task of tasks) {
    const apiKey = cutKey(task.apiKey);
    byApiKey[apiKey] ??= noCharges();
    byPrompt[task.prompt] ??= noCharges();
    for (const sum of [total, byApiKey[apiKey], byPrompt[task.prompt]]) addTask(sum, task);
    if (task.idempotencyKey === null) continue;
    byIdempotencyKey[task.idempotencyKey] ??= { ...noCharges(), taskIds: [] };
    const ofKey = byIdempotencyKey[task.idempotencyKey];
    addTask(ofKey, task);
    ofKey?.taskIds.push(task.id);
  }
  const billedTwice = Object.entries(byIdempotencyKey)
    .filter(([, { tasks }]) => tasks > 1)
    .map(([idempotencyKey, charges]) => ({ idempotencyKey, ...charges }));
  return { total, byApiKey, byPrompt, byIdempotencyKey, billedTwice };
}

function countUploads(uploads: Iterable<UploadedFile>): Bill['uploads'] {
  const counts = new Map<string, number>();
  for (const { sha256, model } of uploads) {
    const name = `${sha256} ${model}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const files = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return { files, repeated: Object.fromEntries([...counts].filter(([, count]) => count > 1)) };
}

function noCharges(): Charges {
  return { tasks: 0, charged: 0, refunded: 0, spent: 0 };
}

function addTask(sum: Charges | undefined, task: SimulatedTask): void {
  if (!sum) return;
  sum.tasks += 1;
  sum.charged += task.chargedCredits;
  sum.refunded += task.refundedCredits;
  sum.spent = sum.charged - sum.refunded;
}

function countTasks(tasks: Iterable<SimulatedTask>, now: number) {
  const counts = { running: 0, succeeded: 0, failed: 0 };
  for (const task of tasks) {
    if (phaseOf(task, now) !== 'ended') counts.running += 1;
    else if (task.fate.outcome.kind === 'fails') counts.failed += 1;
    else counts.succeeded += 1;
  }
  return counts;
}

function cutKey(apiKey: string): string {
  return apiKey.length > 16 ? `${apiKey.slice(0, 8)}...${apiKey.slice(-4)}` : apiKey;
}
