import { Redis } from 'ioredis';
import { inject, onTestFinished } from 'vitest';
import type { ScriptName } from '../../src/ledger/scripts.js';
import { scriptSource } from '../../src/ledger/scripts.js';

/** Scripts that are run on simulated time: the same Lua, but for the clock. */
const clocked: ScriptName[] = ['take-turn', 'answered', 'heartbeat', 'begin-submit', 'move'];

const readTurn = 'take_read_turn(pace, rate, now, tonumber(ARGV[1]), ARGV[2])';
const submitTurn = 'take_submit_turn(pace, rate, now, tonumber(ARGV[1]))';

function onClock(lua: string, clockKey: string): string {
  return lua.replace(
    /local function now_ms\(\)[\s\S]*?\nend/,
    `local function now_ms() return tonumber(redis.call('GET', '${clockKey}')) end`,
  );
}

/** A Redis whose scripts of ours take their time from a key, and its hand. */
export function openSimulatedRedis(prefix: string) {
  const redis = new Redis({ path: inject('redisSocket'), maxRetriesPerRequest: null });
  onTestFinished(() => redis.disconnect());
  const clockKey = `${prefix}:clock`;
  for (const name of clocked) {
    redis.defineCommand(`rivya:${name}`, { lua: onClock(scriptSource(name), clockKey) });
  }
  // A submission's turn without a brief: what `begin-submit` does of the pace.
  const lua = scriptSource('take-turn').replace(readTurn, submitTurn).replace("'read'", "'submit'");
  redis.defineCommand('rivya:submit-turn', { lua: onClock(lua, clockKey) });
  return { redis, setClock: (ms: number) => redis.set(clockKey, Math.round(ms)) };
}
