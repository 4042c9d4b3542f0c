import type { JsonObject, JsonValue } from '../shared/json.js';
import type { LoggedRequest } from './account.js';
import type { ListedModel } from './catalogue.js';
import type { Settings } from './settings.js';
import type { SimulatedApi } from './simulated-api.js';
import { phaseOf, type SimulatedTask } from './task-book.js';
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
  /** Events for registered webhooks. */
  events: { delivered: number; failed: number; withheld: number };
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
    events: { ...history.webhooks.sent },
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

/**
 * How much more a value costs than the plainest one. Rivya documents no such table: only that cost
 * depends on params such as these. What counts is the ratio to the model's default value, so that
 * a request without params costs `base_credits`.
 */
const weights: Record<string, Record<string, number>> = {
  resolution: { '480p': 0.6, '512P': 0.7, '720p': 1, '768P': 1.2, '1080p': 2, '2K': 2, '4K': 4 },
  image_resolution: { '1K': 1, '2K': 2, '4K': 4 },
  quality: { basic: 1, high: 2 },
  size: { standard: 1, high: 2 },
  rendering_speed: { TURBO: 0.5, BALANCED: 1, QUALITY: 2 },
  mode: { std: 0.75, pro: 1 },
  model: { V5: 1.25, V5_5: 1.5 },
  enable_pro: { true: 2 },
  sound: { true: 1.5 },
  generate_audio: { true: 1.5 },
};

/** Params whose number is what is paid for: seconds, frames, pictures. */
const proportional = new Set(['duration', 'duration_seconds', 'n_frames', 'max_images']);

/** Whole credits, at least 1 unless the price itself is 0. */
export function priceOf(model: ListedModel, params: JsonObject, settings: Settings): number {
  const base = settings.prices[model.id] ?? model.base_credits ?? 1;
  let price = base * settings.priceFactor;
  for (const { key, default: usual } of model.params) {
    const asked = params[key];
    if (asked !== undefined) price *= weight(key, asked) / weight(key, usual as JsonValue);
  }
  // Binary fractions such as 6 x 1.1 must not round up to the next credit.
  return Math.ceil(Number(price.toFixed(6)));
}

function weight(key: string, value: JsonValue): number {
  const number = Number(value);
  if (proportional.has(key)) return number > 0 && Number.isFinite(number) ? number : 1;
  return weights[key]?.[String(value)] ?? 1;
}
