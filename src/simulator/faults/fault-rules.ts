import type { Endpoint } from '../endpoint.js';
import { RandomStream } from '../random-stream.js';
import {
  downloadFaultSchema,
  type Fault,
  type FaultPoint,
  type FaultRule,
  type FaultsByPoint,
  fateFaultSchema,
  headerFaultSchema,
  readFaultSchema,
  requestFaultSchema,
  submitFaultSchema,
} from './fault.js';

/** What a rule's conditions are compared with; null where the request does not tell. */
export interface FaultSubject {
  endpoint: Endpoint;
  model: string | null;
  prompt: string | null;
}

interface LiveRule {
  rule: FaultRule;
  remaining: number;
  random: RandomStream;
}

const schemas = {
  request: requestFaultSchema,
  headers: headerFaultSchema,
  submit: submitFaultSchema,
  read: readFaultSchema,
  fate: fateFaultSchema,
  download: downloadFaultSchema,
};

const kindsAt = Object.fromEntries(
  Object.entries(schemas).map(([point, schema]) => [
    point,
    new Set<string>(schema.options.map((option) => option.shape.kind.value)),
  ]),
) as Record<FaultPoint, Set<string>>;

/** The rules in force, with what is left of their counts and their own random numbers. */
export class FaultRules {
  readonly #byPoint = new Map<FaultPoint, LiveRule[]>();
  readonly #applied = new Map<Fault['kind'], number>();

  constructor(rules: readonly FaultRule[], seed: number) {
    rules.forEach((rule, index) => {
      const point = pointOf(rule.fault);
      const live = this.#byPoint.get(point) ?? [];
      const random = new RandomStream(seed, `fault ${index} ${rule.fault.kind}`);
      live.push({ rule, remaining: rule.times ?? Number.POSITIVE_INFINITY, random });
      this.#byPoint.set(point, live);
    });
  }

  /** The first fault that strikes here, counted as applied; null for none. */
  draw<Point extends FaultPoint>(point: Point, subject: FaultSubject): FaultsByPoint[Point] | null {
    const struck = this.#byPoint.get(point)?.find((live) => this.#strikes(live, subject));
    return (struck?.rule.fault as FaultsByPoint[Point] | undefined) ?? null;
  }

  /** Every fault that strikes here, in the order of the rules. */
  drawAll<Point extends FaultPoint>(point: Point, subject: FaultSubject): FaultsByPoint[Point][] {
    const struck = this.#byPoint.get(point)?.filter((live) => this.#strikes(live, subject)) ?? [];
    return struck.map((live) => live.rule.fault as FaultsByPoint[Point]);
  }

  /** How often each fault struck. */
  applied(): Record<string, number> {
    return Object.fromEntries(this.#applied);
  }

  #strikes(live: LiveRule, subject: FaultSubject): boolean {
    if (live.remaining <= 0 || !matches(live.rule.when, subject)) return false;
    const { probability } = live.rule;
    if (probability !== undefined && live.random.next() >= probability) return false;
    live.remaining -= 1;
    const { kind } = live.rule.fault;
    this.#applied.set(kind, (this.#applied.get(kind) ?? 0) + 1);
    return true;
  }
}

function pointOf(fault: Fault): FaultPoint {
  const points = Object.keys(kindsAt) as FaultPoint[];
  const point = points.find((candidate) => kindsAt[candidate].has(fault.kind));
  if (!point) throw new TypeError(`fault ${fault.kind} belongs to no point`);
  return point;
}

function matches(when: FaultRule['when'], subject: FaultSubject): boolean {
  if (!when) return true;
  if (when.endpoint !== undefined && when.endpoint !== subject.endpoint) return false;
  if (when.model !== undefined && when.model !== subject.model) return false;
  return when.promptContains === undefined || !!subject.prompt?.includes(when.promptContains);
}
