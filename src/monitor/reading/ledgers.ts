import type { Redis } from 'ioredis';
import { AccountLedger } from '../../ledger/account-ledger.js';
import { BatchLedger } from '../../ledger/batch-ledger.js';
import { batchesKey } from '../../ledger/keys.js';
import type { Clock } from '../../shared/clock.js';
import { BatchError } from '../../shared/errors.js';

/** A page that has to wait for longer says so instead. */
const patienceMs = 5_000;

/** The monitor's way to what the ledgers know; it writes nothing. */
export class Ledgers {
  constructor(
    readonly redis: Redis,
    readonly prefix: string,
    readonly clock: Clock,
  ) {}

  account(hash: string): AccountLedger {
    return new AccountLedger(this.redis, this.prefix, hash);
  }

  batch(name: string): BatchLedger {
    // For what is only read, it does not matter whose batch it is.
    return new BatchLedger(this.redis, this.prefix, name, this.account('nobody'));
  }

  batchNames(): Promise<string[]> {
    return this.redis.smembers(batchesKey(this.prefix));
  }

  /**
   * What `read` finds, or a clear error soon: commands to a Redis that is away would wait until it is back.
   * @throws BatchError `redis_unreachable`
   */
  async inTime<T>(read: () => Promise<T>): Promise<T> {
    if (this.redis.status !== 'ready') throw unreachable();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(unreachable()), patienceMs);
    });
    try {
      return await Promise.race([read(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function unreachable(): BatchError {
  return new BatchError('redis_unreachable', 'Redis does not answer.');
}
