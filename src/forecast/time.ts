import { defaultInFlight } from '../ledger/account-view.js';
import { type DurationLedger, typicalTaskMs } from '../ledger/durations.js';
import type { Model } from '../rivya/outcome.js';
import { assumedChecks, type TimeLeft, timeLeft } from './outlook.js';

/** What is known of the pace before a run; null where nobody said and nothing was learned. */
export interface KnownPace {
  told: { rate: number | null; inFlight: number | null };
  learned: { rate: number | null; inFlight: number | null };
  /** How long past tasks of these models took, in ms. */
  taskMs: number | null;
}

type Source = 'told' | 'learned' | 'assumed';

export interface PlannedTime {
  left: TimeLeft;
  rate: { perSecond: number; from: Source };
  places: { most: number; from: Source };
  task: { ms: number; from: Source };
}

/** At which an account begins that has learned nothing. */
const startRate = 2;
/** The API documents no durations: a task of each kind, or a turn of a chat, is taken to need so long, in ms, until some have been seen. */
const longestTaskMs = 120_000;
const assumedTaskMs = new Map([
  ['chat', 10_000],
  ['image', 15_000],
  ['audio', 25_000],
  ['video', longestTaskMs],
]);

/**
 * How long so many briefs will take at the pace that is known or assumed.
 * @param input `inTurn`: how many of one row are made one after the other
 */
export function planTime(
  {
    briefs,
    turns,
    modelUse,
    inTurn,
  }: { briefs: number; turns: number; modelUse: ReadonlyMap<string, number>; inTurn: number },
  { told, learned, taskMs }: KnownPace,
  models: readonly Model[],
): PlannedTime {
  const rate = choose(told.rate, learned.rate, startRate);
  const places = choose(told.inFlight, learned.inFlight, defaultInFlight);
  const task = choose(null, taskMs, assumedMs(modelUse, models));
  const left = timeLeft({
    waiting: briefs,
    running: 0,
    rate: rate.value,
    places: places.value,
    checksPerTask: briefs === 0 ? assumedChecks : (assumedChecks * (briefs - turns)) / briefs,
    taskMs: task.value,
    inTurn,
    linesPerSecond: null,
  });
  return {
    left,
    rate: { perSecond: rate.value, from: rate.from },
    places: { most: places.value, from: places.from },
    task: { ms: task.value, from: task.from },
  };
}

function choose(told: number | null, learned: number | null, assumed: number) {
  if (told !== null) return { value: told, from: 'told' as const };
  if (learned !== null) return { value: learned, from: 'learned' as const };
  return { value: assumed, from: 'assumed' as const };
}

/** By the number of briefs of each model; a model of no known kind is taken for a video. */
function assumedMs(modelUse: ReadonlyMap<string, number>, models: readonly Model[]): number {
  const kinds = new Map(models.map(({ id, category }) => [id, category]));
  let briefs = 0;
  let sumMs = 0;
  for (const [model, count] of modelUse) {
    const ms = assumedTaskMs.get(kinds.get(model) ?? '') ?? longestTaskMs;
    briefs += count;
    sumMs += count * ms;
  }
  return briefs === 0 ? 0 : sumMs / briefs;
}

/**
 * How long a task of these models holds its place in flight, in ms, by what past tasks of this account took;
 * null where none of the models has a past.
 * @param modelUse briefs of each model
 */
export async function typicalInputMs(
  durations: DurationLedger,
  modelUse: ReadonlyMap<string, number>,
): Promise<number | null> {
  let briefs = 0;
  let sumMs = 0;
  for (const [model, count] of modelUse) {
    const taskMs = typicalTaskMs(await durations.read(model));
    if (taskMs === null) continue;
    briefs += count;
    sumMs += count * taskMs;
  }
  return briefs === 0 ? null : sumMs / briefs;
}
