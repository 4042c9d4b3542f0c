import type { JsonObject } from '../shared/json.js';
import type { Submission } from './check-submission.js';
import type { FaultsByPoint } from './faults/fault.js';
import type { RandomStream } from './random-stream.js';
import type { Settings } from './settings.js';
import type { SimulatedApi } from './simulated-api.js';
import type { Fate, ResultFile, SimulatedTask } from './task-book.js';

export interface Submitter {
  apiKey: string;
  idempotencyKey: string | null;
}

/** A new task with its whole course planned; not yet in the book and not yet paid. */
export function makeTask(
  api: SimulatedApi,
  { model, prompt, params, clientRequestId }: Submission,
  { submitter, credits }: { submitter: Submitter; credits: number },
): SimulatedTask {
  const { settings, history } = api;
  const now = api.clock.now();
  const faults = api.faults.drawAll('fate', { endpoint: 'submit', model: model.id, prompt });
  const fate = drawFate(faults, settings.finalFactor);
  const durationMs = drawDurationMs(model.category, settings, history.durations);
  return {
    ...submitter,
    id: api.nextId('task'),
    model: model.id,
    prompt: prompt === '' ? spokenText(params) : prompt,
    params,
    clientRequestId,
    fate,
    files: resultFiles(model.category, params, fate),
    reservedCredits: credits,
    createdAt: now,
    processingAt: now + Math.round(durationMs * queuedShare),
    endsAt: endOf(fate, now, durationMs),
    finalCredits: 0,
    chargedCredits: 0,
    refundedCredits: 0,
    linkSets: 0,
  };
}

/** The record that is left when credits are found wanting only after it was made. */
export function makeStillbornTask(
  api: SimulatedApi,
  submission: Submission,
  submitter: Submitter,
): SimulatedTask {
  const task = makeTask(api, submission, { submitter, credits: 0 });
  const message = 'The account does not have enough credits.';
  const code = 'insufficient_credits';
  return {
    ...task,
    processingAt: task.createdAt,
    endsAt: task.createdAt,
    fate: {
      ...drawFate([], 1),
      outcome: { kind: 'fails', code, message, error: 'present', charge: 'refunded' },
    },
  };
}

function endOf(fate: Fate, now: number, durationMs: number): number {
  if (fate.outcome.kind === 'never-ends') return Number.POSITIVE_INFINITY;
  // A task shows its strange status for the full time, however fast the simulator runs.
  return now + Math.max(durationMs, fate.strangeStatus?.forMs ?? 0);
}

function resultFiles(category: string, params: JsonObject, fate: Fate): ResultFile[] {
  const asked = Math.max(1, Math.min(6, Math.trunc(Number(params.max_images)) || 1));
  const count = fate.fileCount ?? asked;
  const [kind, extension] = formatOf(category);
  const files = Array.from({ length: count }, (_, index) => ({
    name: `${index + 1}.${extension}`,
    kind,
  }));
  if (String(params.return_last_frame) !== 'true') return files;
  return [...files, { name: 'last-frame.png', kind: 'picture' }];
}

function formatOf(category: string): [ResultFile['kind'], string] {
  if (category === 'video') return ['film', 'mp4'];
  return category === 'audio' ? ['sound', 'wav'] : ['picture', 'png'];
}

function spokenText(params: JsonObject): string {
  return JSON.stringify(params.dialogue ?? '');
}

/** One fate from the faults that struck; where two disagree on the outcome, the earlier rule has it. */
export function drawFate(faults: readonly FaultsByPoint['fate'][], finalFactor: number): Fate {
  const fate: Fate = {
    outcome: { kind: 'succeeds', result: 'files' },
    finalFactor,
    hiddenForMs: 0,
    strangeStatus: null,
    extraFields: {},
    firstLinks: 'good',
    linksLateForMs: 0,
    filesLate: null,
    fileCount: null,
  };
  return faults.toReversed().reduce(withFault, fate);
}

function withFault(fate: Fate, fault: FaultsByPoint['fate']): Fate {
  switch (fault.kind) {
    case 'early-404':
      return { ...fate, hiddenForMs: fault.forMs };
    case 'task-fails': {
      const { code, error, charge } = fault;
      return { ...fate, outcome: { kind: 'fails', code, message: failure(code), error, charge } };
    }
    case 'never-ends':
      return { ...fate, outcome: { kind: 'never-ends' } };
    case 'null-result':
      return { ...fate, outcome: { kind: 'succeeds', result: 'null' } };
    case 'empty-urls':
      return { ...fate, outcome: { kind: 'succeeds', result: 'empty-urls' } };
    case 'many-urls':
      return { ...fate, fileCount: fault.count };
    case 'extra-fields':
      return {
        ...fate,
        extraFields: { queue_position: 3, provider: { region: 'eu', tags: ['a'] } },
      };
    case 'unknown-status':
      return { ...fate, strangeStatus: { word: fault.word, forMs: fault.forMs } };
    // Of turns of chats.
    case 'empty-answer':
      return fate;
    case 'final-credits':
      return { ...fate, finalFactor: fault.factor };
    case 'expire-first-url':
      return { ...fate, firstLinks: 'expired' };
    case 'late-urls':
      return { ...fate, linksLateForMs: fault.forMs };
    case 'late-files':
      return { ...fate, filesLate: { forMs: fault.forMs, status: fault.status } };
    default:
      return fault satisfies never;
  }
}

function failure(code: string): string {
  return code === 'generation_failed'
    ? 'The generation failed.'
    : `The generation failed: ${code}.`;
}

/** Log-normal durations: assumed, since Rivya documents none. */
const distributions: Record<string, { medianMs: number; sigma: number }> = {
  image: { medianMs: 12_000, sigma: 0.4 },
  video: { medianMs: 90_000, sigma: 0.5 },
  audio: { medianMs: 20_000, sigma: 0.5 },
  chat: { medianMs: 6_000, sigma: 0.5 },
};

/** The share of a task's time that it spends queued. */
const queuedShare = 0.25;

/** Milliseconds from acceptance to the end, `speed` applied. */
export function drawDurationMs(category: string, settings: Settings, random: RandomStream): number {
  const { medianMs, sigma } = distributions[category] ?? { medianMs: 12_000, sigma: 0.4 };
  const drawnMs = medianMs * Math.exp(sigma * random.normal());
  return Math.round((settings.durationMs ?? drawnMs) / settings.speed);
}
