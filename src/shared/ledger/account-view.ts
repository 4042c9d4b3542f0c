import type { Redis } from 'ioredis';
import type { AccountKeys } from './keys.js';

/** What limits the account right now: requests, places in flight, or nothing that we do. */
export type Pressure = 'rate' | 'in_flight' | 'none';

/** Why an account's submissions are held, if they are. */
type GateState =
  | { kind: 'open' }
  | { kind: 'parked'; sinceMs: number; probeAtMs: number }
  | { kind: 'halted'; code: string; message: string };

export interface AccountView {
  gate: GateState;
  /** Until when the API is taken to be down; 0 when it is not. */
  downUntilMs: number;
  inFlight: number;
  /** Requests a second: learned; what workers were told comes first where they were. */
  learnedRate: number | null;
  /** How long ago the rate was learned, in ms. */
  learnedAgeMs: number;
  /** In-flight cap: learned; null while nothing was. */
  learnedInFlight: number | null;
  refusals: number;
  /** Live workers, and the strictest of what they were told. */
  workers: number;
  told: { rate: number | null; inFlight: number | null };
  /** What limited submissions lately. */
  pressure: Pressure;
}

const pressureLastsMs = 3_000;
const workerLivesMs = 10_000;

/** What an account does and is held by, for people to look at. */
export async function readAccountView(redis: Redis, keys: AccountKeys): Promise<AccountView> {
  const [gate, inFlight, pace, workers, time] = await Promise.all([
    redis.hgetall(keys.gate),
    redis.zcard(keys.inFlight),
    redis.hmget(keys.pace, 'rate', 'refused', 'places', 'scarce', 'full', 'learned'),
    redis.hvals(keys.workers),
    redis.time(),
  ]);
  const nowMs = Number(time[0]) * 1000;
  return {
    gate: readGate(gate),
    downUntilMs: Number(gate.down_until ?? 0),
    inFlight,
    learnedRate: pace[0] ? Number(pace[0]) : null,
    learnedAgeMs: Math.max(0, nowMs - Number(pace[5] ?? 0)),
    learnedInFlight: pace[2] ? Number(pace[2]) : null,
    refusals: Number(pace[1] ?? 0),
    ...readWorkers(workers, nowMs),
    pressure: readPressure(Number(pace[3] ?? 0), Number(pace[4] ?? 0), nowMs),
  };
}

/** As in `lua/limits.lua`. */
function readWorkers(entries: string[], nowMs: number): Pick<AccountView, 'workers' | 'told'> {
  const live = entries
    .map((entry) => entry.split(' ').map(Number))
    .filter(([seenMs = 0]) => seenMs >= nowMs - workerLivesMs);
  const strictest = (place: number) => {
    const told = live.map((entry) => entry[place] ?? Number.NaN).filter((limit) => limit > 0);
    return told.length === 0 ? null : Math.min(...told);
  };
  return { workers: live.length, told: { rate: strictest(1), inFlight: strictest(2) } };
}

/** As `pressure` in `lua/pace.lua`. */
function readPressure(scarceMs: number, fullMs: number, nowMs: number): Pressure {
  if (Math.max(scarceMs, fullMs) < nowMs - pressureLastsMs) return 'none';
  return fullMs > scarceMs ? 'in_flight' : 'rate';
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
