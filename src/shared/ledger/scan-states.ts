import type { Redis } from 'ioredis';
import { decodeState, type ReadState } from './brief-state.js';
import type { BatchKeys } from './keys.js';

export interface ScannedBrief {
  id: string;
  read: ReadState;
  /** Credits that are held for it, as `lua/credits.lua` keeps them; null for none. */
  held: number | null;
}

const briefsAtOnce = 500;

/**
 * All briefs of a batch in chunks, in constant memory. One that changes meanwhile may come in its old state or
 * twice: whoever acts on it compares and sets.
 */
export async function* scanStates(redis: Redis, keys: BatchKeys): AsyncGenerator<ScannedBrief[]> {
  let cursor = '0';
  do {
    const [next, fields] = await redis.hscan(keys.state, cursor, 'COUNT', briefsAtOnce);
    cursor = next;
    const ids = fields.filter((_field, index) => index % 2 === 0);
    if (ids.length === 0) continue;
    const held = await redis.hmget(keys.reservations, ...ids);
    yield ids.map((id, index) => ({
      id,
      read: decodeState(fields[2 * index + 1] ?? ''),
      held: amountIn(held[index] ?? null),
    }));
  } while (cursor !== '0');
}

function amountIn(reservation: string | null): number | null {
  return reservation === null ? null : Number(reservation.split(' ', 1)[0]);
}
