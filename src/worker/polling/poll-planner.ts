import type { Logger } from 'pino';
import type { Pressure } from '../../ledger/account-view.js';
import type { DurationLedger, DurationSketch } from '../../ledger/durations.js';
import { modelOf } from '../../shared/brief.js';
import type { Clock } from '../../shared/clock.js';
import type { TaskCategory } from '../../shared/task-category.js';
import { type AgeSpan, type DurationCurve, durationCurve, durationWithin } from './durations.js';
import { guidedCheckInMs, minFirstCheckMs, minSpacingMs, tailCheckInMs } from './guidance.js';
import { HintShare } from './hint-share.js';
import {
  type CheckPolicy,
  choosePolicy,
  freeFromMs,
  freePolicy,
  plannedAgeMs,
  type WorkAhead,
} from './policy.js';

/** A task that was just accepted, or just seen running. */
export interface RunningTask {
  /** See `priceKind`; null where nobody knows it any more. */
  kind: string | null;
  category: TaskCategory;
  /** Since its acceptance. */
  ageMs: number;
  /** Made so far. */
  checks: number;
  pressure: Pressure;
  /** What else the pace has to send. */
  ahead: WorkAhead;
}

/** Fewer say too little of their kind: its model is asked, and then the documented guidance. */
const fewestTasks = 10;
/** A sketch changes little within seconds, and asking Redis at each check would cost a round trip. */
const freshMs = 5_000;
/** Until it says enough, each second of a run is planned worse than it could be. */
const youngFreshMs = 1_000;
/** So few new tasks change no plan by as much as a step: the plans of before are kept. */
const ignoredShare = 0.03;
/** More kinds than one batch has. */
const mostNames = 1_000;
/**
 * While hints come, a check that waits for a task whose hint does not is put off no longer than this past its time
 * without them; then it is seen whether they still come. Together with the time for which they are trusted, it is less
 * than a minute from the last hint to the check that is made without one.
 */
const longestPutOffMs = 25_000;
/** Less is not worth another wait. */
const leastPutOffMs = 1_000;

/** What this process made of one sketch. */
interface Known {
  sketch: DurationSketch;
  curve: DurationCurve | null;
  /** By pressure; where looks are free from some age on, by that age in steps; each with how well hints come. */
  policies: Map<string, CheckPolicy>;
  readAtMs: number;
}

export interface PollPlannerOptions {
  durations: DurationLedger;
  clock: Clock;
  log: Logger;
  /** 0 to 1. */
  random(): number;
}

/** Decides when a task is looked at next, from how long such tasks took; one for all batches of a process. */
export class PollPlanner {
  private readonly known = new Map<string, Known>();
  private readonly reading = new Map<string, Promise<Known | null>>();
  private readonly hints = new HintShare();

  constructor(private readonly options: PollPlannerOptions) {}

  /**
   * How long to wait before the next status check, in ms: never less than 2 s after acceptance, nor than 5 s after
   * the check before. Without Redis it goes by the documented guidance. While hints come it is the later one that is
   * made for those whose hint does not, if that is not too far away: `putOffMs` is asked before it is made.
   */
  async nextCheckInMs(task: RunningTask): Promise<number> {
    const { kind, category, ageMs, checks } = task;
    const { random } = this.options;
    const known = kind === null ? null : await this.tellingOf(kind);
    if (known === null) return guidedInMs(task, random());
    const plannedMs = this.plannedMs(known, task, ageMs);
    if (plannedMs === null) return tailCheckInMs(category, ageMs, random());
    // Tasks were submitted one pace apart, so checks planned by their age are spread as they are.
    const soonestMs = checks === 0 ? minFirstCheckMs - ageMs : minSpacingMs;
    return Math.ceil(Math.max(plannedMs - ageMs, soonestMs, 0));
  }

  /**
   * Of a check that is due and was not hinted at: for how long it may still be left, in ms; 0 where it is to be made now.
   * @param task as it was when it was last seen running
   * @param nowAgeMs since its acceptance
   */
  async putOffMs(task: RunningTask, nowAgeMs: number): Promise<number> {
    if (task.kind === null || this.tasksAMiss() === 1) return 0;
    const known = await this.tellingOf(task.kind);
    const plannedMs = known && this.plannedMs(known, task, nowAgeMs);
    const leftMs = (plannedMs ?? nowAgeMs) - nowAgeMs;
    return leftMs < leastPutOffMs ? 0 : Math.ceil(leftMs);
  }

  /** A task was found to be over, as a hint had said, or by a check alone: see `HintShare`. */
  noteEnd(by: 'hint' | 'check', lagMs: number | null): void {
    this.hints.note(by, lagMs, this.options.clock.now());
  }

  /** In steps, so that there are few plans. */
  private tasksAMiss(): number {
    const exact = this.hints.tasksAMiss(this.options.clock.now());
    return 2 ** (Math.round(2 * Math.log2(exact)) / 2);
  }

  /**
   * The age at which a task is looked at next, or at which it is asked again whether it is to be, in ms; null past all
   * history.
   */
  private plannedMs(known: Known, task: RunningTask, nowAgeMs: number): number | null {
    const tasksAMiss = this.tasksAMiss();
    const plannedMs = plannedOf(known, task, tasksAMiss);
    if (plannedMs === null || tasksAMiss === 1) return plannedMs;
    const withoutMs = plannedOf(known, task, 1) ?? plannedMs;
    return Math.min(plannedMs, Math.max(withoutMs, nowAgeMs + longestPutOffMs));
  }

  /** Learns from a finished task. Nobody waits for it, and if it fails nothing is lost but one duration of many. */
  learn(kind: string, span: AgeSpan): void {
    const { durations, log } = this.options;
    durations.note(namesOf(kind), this.durationOf(kind, span)).catch((error: unknown) => {
      log.debug({ err: error, kind }, 'a duration was not counted');
    });
  }

  private durationOf(kind: string, span: AgeSpan): number {
    const { fromMs, toMs } = span;
    const known = this.known.get(kind);
    if (fromMs === toMs || !known || !isTelling(known)) return (fromMs + toMs) / 2;
    return durationWithin(curveOf(known), span, this.options.random());
  }

  /** What is known of the kind, or of its model, where that is enough to plan by. */
  private async tellingOf(kind: string): Promise<Known | null> {
    for (const name of namesOf(kind)) {
      const known = await this.lookUp(name);
      if (known !== null && isTelling(known)) return known;
    }
    return null;
  }

  /** Only what was never read is waited for; what is old is used while it is read again. */
  private async lookUp(name: string): Promise<Known | null> {
    const known = this.known.get(name);
    const lastsMs = known && isTelling(known) ? freshMs : youngFreshMs;
    if (known && this.options.clock.now() - known.readAtMs < lastsMs) return known;
    const reading = this.reading.get(name) ?? this.read(name);
    return known ?? reading;
  }

  private read(name: string): Promise<Known | null> {
    const { durations, log } = this.options;
    const reading = durations
      .read(name)
      .then((sketch) => this.keep(name, sketch))
      .catch((error: unknown) => {
        log.debug({ err: error, name }, 'past durations were not read');
        return null;
      })
      .finally(() => this.reading.delete(name));
    this.reading.set(name, reading);
    return reading;
  }

  private keep(name: string, sketch: DurationSketch): Known {
    const before = this.known.get(name);
    const readAtMs = this.options.clock.now();
    const isSame = before && newTasks(before.sketch, sketch) <= sketch.total * ignoredShare;
    const known = isSame
      ? { ...before, readAtMs }
      : { sketch, curve: null, policies: new Map(), readAtMs };
    // Last in the order of the map: what is forgotten is what was not asked for lately.
    this.known.delete(name);
    this.known.set(name, known);
    const [first] = this.known.keys();
    if (this.known.size > mostNames && first !== undefined) this.known.delete(first);
    return known;
  }
}

/**
 * The documented guidance. Where each look takes the turn of a submission, with patience; near the end, after all that
 * is left; and before places run out.
 */
function guidedInMs({ category, checks, pressure, ahead }: RunningTask, random: number): number {
  const guidedMs = guidedCheckInMs(category, checks, random);
  if (pressure !== 'rate') return guidedMs;
  const patientMs = guidedMs * scarcePatience(checks);
  const scarceMs = ahead.leftMs <= 2 * patientMs ? ahead.leftMs : patientMs;
  return Math.round(Math.max(guidedMs, Math.min(scarceMs, ahead.placedMs)));
}

/** The first looks of the guidance find next to nothing. */
function scarcePatience(checks: number): number {
  return checks === 0 ? 3 : 2;
}

/** The sketches that a kind's tasks are counted in, the more telling first. */
function namesOf(kind: string): string[] {
  return [...new Set([kind, modelOf(kind)])];
}

function newTasks(before: DurationSketch, now: DurationSketch): number {
  return Math.abs(now.version - before.version);
}

function curveOf(known: Known): DurationCurve {
  known.curve ??= durationCurve(known.sketch);
  return known.curve;
}

/** The age at which a task is looked at next, in ms; null past all history. */
function plannedOf(
  known: Known,
  { ageMs, pressure, ahead }: RunningTask,
  tasksAMiss: number,
): number | null {
  const curve = curveOf(known);
  const plan = (name: Pressure | number, make: () => CheckPolicy) => {
    const key = `${name} ${tasksAMiss}`;
    const policy = known.policies.get(key) ?? make();
    known.policies.set(key, policy);
    return plannedAgeMs(policy, ageMs);
  };
  const plannedMs = plan(pressure, () => choosePolicy(curve, pressure, tasksAMiss));
  if (pressure !== 'rate' || plannedMs === null) return plannedMs;
  const fromMs = freeFromMs(curve, ageMs, plannedMs, ahead);
  if (fromMs === null) return plannedMs;
  const steps = Math.min(Math.ceil(fromMs / curve.stepMs), curve.running.length - 1);
  const freeMs = plan(steps, () => freePolicy(curve, steps * curve.stepMs, tasksAMiss));
  return Math.max(fromMs, freeMs ?? fromMs);
}

function isTelling({ sketch }: Known): boolean {
  return sketch.total >= fewestTasks;
}
