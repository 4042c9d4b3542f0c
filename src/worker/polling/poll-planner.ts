import type { Logger } from 'pino';
import type { Pressure } from '../../ledger/account-view.js';
import type { DurationLedger, DurationSketch } from '../../ledger/durations.js';
import { modelOf } from '../../shared/brief.js';
import type { Clock } from '../../shared/clock.js';
import type { TaskCategory } from '../../shared/task-category.js';
import { type AgeSpan, type DurationCurve, durationCurve, durationWithin } from './durations.js';
import { guidedCheckInMs, minFirstCheckMs, minSpacingMs, tailCheckInMs } from './guidance.js';
import { type CheckPolicy, choosePolicy, plannedAgeMs } from './policy.js';

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
}

/** Fewer say too little of their kind: its model is asked, and then the documented guidance. */
const fewestTasks = 10;
/** A sketch changes little within seconds, and asking Redis at each check would cost a round trip. */
const freshMs = 5_000;
/** So few new tasks change no plan by as much as a step: the plans of before are kept. */
const ignoredShare = 0.03;
/** More kinds than one batch has. */
const mostNames = 1_000;

/** What this process made of one sketch. */
interface Known {
  sketch: DurationSketch;
  curve: DurationCurve | null;
  policies: Map<Pressure, CheckPolicy>;
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

  constructor(private readonly options: PollPlannerOptions) {}

  /**
   * How long to wait before the next status check, in ms: never less than 2 s after acceptance, nor than 5 s after
   * the check before. Without Redis it goes by the documented guidance.
   */
  async nextCheckInMs(task: RunningTask): Promise<number> {
    const { kind, category, ageMs, checks, pressure } = task;
    const { random } = this.options;
    const policy = kind === null ? null : await this.policyFor(kind, pressure);
    if (policy === null) {
      const guidedMs = guidedCheckInMs(category, checks, random());
      return pressure === 'rate' ? Math.round(guidedMs * scarcePatience(checks)) : guidedMs;
    }
    const plannedMs = plannedAgeMs(policy, ageMs);
    if (plannedMs === null) return tailCheckInMs(category, ageMs, random());
    // Tasks were submitted one pace apart, so checks planned by their age are spread as they are.
    const soonestMs = checks === 0 ? minFirstCheckMs - ageMs : minSpacingMs;
    return Math.ceil(Math.max(plannedMs - ageMs, soonestMs, 0));
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
    if (fromMs === toMs || !known || known.sketch.total < fewestTasks) return (fromMs + toMs) / 2;
    return durationWithin(curveOf(known), span, this.options.random());
  }

  private async policyFor(kind: string, pressure: Pressure): Promise<CheckPolicy | null> {
    for (const name of namesOf(kind)) {
      const known = await this.lookUp(name);
      if (known !== null && known.sketch.total >= fewestTasks) return policyOf(known, pressure);
    }
    return null;
  }

  /** Only what was never read is waited for; what is old is used while it is read again. */
  private async lookUp(name: string): Promise<Known | null> {
    const known = this.known.get(name);
    if (known && this.options.clock.now() - known.readAtMs < freshMs) return known;
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

/** Where each look takes the turn of a submission, the guidance is stretched: its first looks find next to nothing. */
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

function policyOf(known: Known, pressure: Pressure): CheckPolicy {
  const policy = known.policies.get(pressure) ?? choosePolicy(curveOf(known), pressure);
  known.policies.set(pressure, policy);
  return policy;
}
