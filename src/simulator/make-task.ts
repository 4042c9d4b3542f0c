import type { JsonObject } from '../shared/json.js';
import { drawDurationMs, queuedShare } from './draw-duration.js';
import { planFate } from './plan-fate.js';
import type { SimulatedApi } from './simulated-api.js';
import type { Submission } from './submission.js';
import type { Fate, ResultFile, SimulatedTask } from './task.js';

export interface Submitter {
  apiKey: string;
  idempotencyKey: string | null;
}

/** A new task with its whole course planned; not yet in the book and not yet paid. */
export function makeTask(
  api: SimulatedApi,
  { model, prompt, params }: Submission,
  { submitter, credits }: { submitter: Submitter; credits: number },
): SimulatedTask {
  const { settings, history } = api;
  const now = api.clock.now();
  const faults = api.faults.drawAll('fate', { endpoint: 'submit', model: model.id, prompt });
  const fate = planFate(faults, settings.finalFactor);
  const durationMs = drawDurationMs(model.category, settings, history.durations);
  return {
    ...submitter,
    id: api.nextId('task'),
    model: model.id,
    prompt: prompt === '' ? spokenText(params) : prompt,
    params,
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
      ...planFate([], 1),
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
