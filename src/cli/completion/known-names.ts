import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { prepareEnvironment, readSettings } from '../../session/environment.js';
import { counted } from '../../shared/quantities.js';

/** Nobody waits longer for a Tab. */
const patienceMs = 1_000;

/**
 * Names of what a Redis has that is there already: none is started to ask. Nothing where none is there, or where it takes
 * too long.
 */
export async function namesInRedis(of: 'batches' | 'schedules'): Promise<string[]> {
  prepareEnvironment();
  const settings = readSettings();
  const { joinRunning } = await import('../../store/open-store.js');
  const keys = await import('../../ledger/keys.js');
  let redis: Redis | null = null;
  const read = async () => {
    const joined = await joinRunning(settings);
    redis = joined;
    if (joined === null) return [];
    const { prefix } = settings;
    if (of === 'batches') return joined.smembers(keys.batchesKey(prefix));
    const owners = await joined.hkeys(keys.scheduleOwnersKey(prefix));
    const names = owners.map((owner) => joined.hkeys(keys.scheduleKeys(prefix, owner).schedules));
    return (await Promise.all(names)).flat();
  };
  const guard = new AbortController();
  try {
    const late = delay(patienceMs, [] as string[], { signal: guard.signal }).catch(() => []);
    return (await Promise.race([read(), late])).sort();
  } finally {
    guard.abort();
    (redis as Redis | null)?.disconnect();
  }
}

/** Of the last list of the API, else of the one that came with this version. */
export async function modelIds(): Promise<{ value: string; text: string }[]> {
  prepareEnvironment();
  const { lastModels } = await import('../../session/model-list.js');
  const models = await lastModels(readSettings());
  return models.map(({ id, category, baseCredits }) => {
    const price = baseCredits === null ? '' : `, from ${counted(baseCredits, 'credit')}`;
    return { value: id, text: `${category ?? ''}${price}` };
  });
}

/** The columns of a file on this machine, as a run would read it. */
export async function columnsOf(file: string): Promise<readonly string[]> {
  const { lookAtTable } = await import('../../producer/look-at-table.js');
  return (await lookAtTable(file, { format: null, delimiter: null, items: null })).columns;
}
