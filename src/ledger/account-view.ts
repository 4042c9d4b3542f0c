import type { Redis } from 'ioredis';
import { readLedgerMs } from './clock.js';
import type { AccountKeys } from './keys.js';

/** What limits the account right now: requests, places in flight, or nothing that we do. */
export type Pressure = 'rate' | 'in_flight' | 'none';

/** Why an account's submissions are held, if they are. */
type GateState =
  | { kind: 'open' }
  | { kind: 'parked'; sinceMs: number; probeAtMs: number }
  | { kind: 'halted'; code: string; message: string };

interface ToldView {
  rate: number | null;
  /** The option that said so. */
  rateOption: '--rate' | '--submit-rate';
  inFlight: number | null;
}

export interface AccountView {
  gate: GateState;
  /** Until when the API is taken to be down; 0 when it is not. */
  downUntilMs: number;
  /** For how long no request is sent because the API refused one, or because its headers say that nothing is left; null for no time. */
  rest: { ms: number; by: 'refusal' | 'headers' } | null;
  inFlight: number;
  /** Requests a second that submissions keep to: learned; what workers were told comes first where they were. */
  learnedRate: number | null;
  /** How long ago the rate was learned, in ms. */
  learnedAgeMs: number;
  /** In-flight cap: learned; null while nothing was. */
  learnedInFlight: number | null;
  refusals: number;
  /** Live workers, and the strictest of what they were told for submissions. */
  workers: number;
  told: ToldView;
  /** What limited submissions lately. */
  pressure: Pressure;
}

const pressureLastsMs = 3_000;
const fullLastsMs = 12_000;
const workerLivesMs = 7_500;
const longestHintHoldMs = 10_000;
const longestRestMs = 86_400_000;

/** Where the API counts submissions apart from reads, they have a pace of their own. */
type Lane = 'submissions_apart' | 'shared';

const paceFields = [
  'rate',
  'learned',
  'places',
  'refused',
  'scarce',
  'tat',
  'full',
  'blocked',
  'hint_blocked',
] as const;
type PaceFields = Record<(typeof paceFields)[number], string | null>;

/** What an account does and is held by, for people to look at. */
export async function readAccountView(redis: Redis, keys: AccountKeys): Promise<AccountView> {
  const [gate, inFlight, shared, apart, workers, nowMs] = await Promise.all([
    redis.hgetall(keys.gate),
    redis.zcard(keys.inFlight),
    readPace(redis, keys.pace),
    readPace(redis, keys.submitPace),
    redis.hvals(keys.workers),
    readLedgerMs(redis, keys.clock),
  ]);
  const { lane, ...known } = readWorkers(workers, nowMs);
  const pace = lane === 'shared' ? shared : apart;
  return {
    gate: readGate(gate),
    downUntilMs: Number(gate.down_until ?? 0),
    rest: readRest(pace, nowMs),
    inFlight,
    learnedRate: pace.rate ? Number(pace.rate) : null,
    learnedAgeMs: Math.max(0, nowMs - Number(pace.learned ?? 0)),
    learnedInFlight: shared.places ? Number(shared.places) : null,
    refusals: Number(shared.refused ?? 0) + Number(apart.refused ?? 0),
    ...known,
    pressure: readPressure(pace, Number(shared.full ?? 0), nowMs),
  };
}

async function readPace(redis: Redis, key: string): Promise<PaceFields> {
  const values = await redis.hmget(key, ...paceFields);
  return Object.fromEntries(paceFields.map((name, at) => [name, values[at] ?? null])) as PaceFields;
}

/** As `limits_in_force` in `lua/pace.lua`. */
function readWorkers(
  entries: string[],
  nowMs: number,
): Pick<AccountView, 'workers' | 'told'> & { lane: Lane } {
  const live = entries
    .map((entry) => entry.split(' ').map(Number))
    .filter(([seenMs = 0]) => seenMs >= nowMs - workerLivesMs);
  const strictest = (place: number) => {
    const told = live.map((entry) => entry[place] ?? Number.NaN).filter((limit) => limit > 0);
    return told.length === 0 ? null : Math.min(...told);
  };
  const [rate, inFlight, submitRate, readRate] = [1, 2, 3, 4].map(strictest);
  const told: ToldView = {
    rate: submitRate ?? rate ?? null,
    rateOption: submitRate ? '--submit-rate' : '--rate',
    inFlight: inFlight ?? null,
  };
  const lane = submitRate || readRate ? 'submissions_apart' : 'shared';
  return { workers: live.length, told, lane };
}

/** As `blocked_until` in `lua/pace.lua`, without what is over. */
function readRest(pace: PaceFields, nowMs: number): AccountView['rest'] {
  const refused = Number(pace.blocked ?? 0) - nowMs;
  const hinted = Number(pace.hint_blocked ?? 0) - nowMs;
  if (hinted > Math.max(0, refused) && hinted <= longestHintHoldMs)
    return { ms: hinted, by: 'headers' };
  return refused > 0 && refused <= longestRestMs ? { ms: refused, by: 'refusal' } : null;
}

/** As `pressure` in `lua/pace.lua`. */
function readPressure(pace: PaceFields, fullMs: number, nowMs: number): Pressure {
  const turnIsFar = Number(pace.tat ?? 0) > nowMs + pressureLastsMs;
  const scarceMs = pace.scarce && turnIsFar ? nowMs : Number(pace.scarce ?? 0);
  const isScarce = scarceMs >= nowMs - pressureLastsMs;
  const isFull = fullMs >= nowMs - fullLastsMs;
  if (isScarce && isFull) return fullMs > scarceMs ? 'in_flight' : 'rate';
  if (isScarce) return 'rate';
  return isFull ? 'in_flight' : 'none';
}

function readGate(fields: Record<string, string>): GateState {
  if (fields.halted) {
    return { kind: 'halted', code: fields.halted, message: fields.halted_message ?? '' };
  }
  if (fields.parked) {
    return {
      kind: 'parked',
      sinceMs: Number(fields.parked),
      probeAtMs: Number(fields.probe_at ?? 0),
    };
  }
  return { kind: 'open' };
}

/** Tasks in flight where nobody was told how many may be, until more is learned. */
export const defaultInFlight = 8;

/** `24 as told`, `12, learned`, or `8 until more is learned`. */
export function mostInFlight({
  told,
  learnedInFlight,
}: Pick<AccountView, 'told' | 'learnedInFlight'>): string {
  if (told.inFlight !== null) return `${told.inFlight} (set)`;
  return learnedInFlight === null
    ? `${defaultInFlight} until more is learned`
    : `${learnedInFlight}, learned`;
}

/** `2026-11-21`: the day that a cap of a day counts by. */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
