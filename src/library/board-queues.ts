import type { Queue } from 'bullmq';
import { AccountLedger } from '../ledger/account-ledger.js';
import { BatchLedger } from '../ledger/batch-ledger.js';
import { isFinalized } from '../ledger/batch-meta.js';
import { batchesKey } from '../ledger/keys.js';
import { hideSecrets } from '../monitor/hide-secrets.js';
import { BatchQueues, queuesOf } from '../monitor/reading/queues.js';
import type { StoreSession } from '../session/store-session.js';
import { NewsReader } from '../shared/news.js';
import type { QueueName } from '../shared/queue-names.js';
import type { JobData } from '../shared/queues.js';
import { type Connection, connect } from './connection.js';

/** What `createBullBoard` gives. */
export interface Board<Adapter> {
  replaceQueues(queues: readonly Adapter[]): void;
}

/** What Bull Board shows a queue by, such as its `BullMQAdapter`. */
export interface QueueAdapter {
  setFormatter?(field: 'data', format: (data: JobData) => unknown): void;
}

export interface BoardOptions<Adapter> extends Connection {
  board: Board<Adapter>;
  /**
   * Makes the adapter of a queue, with the board's own version of the class: `(queue) => new BullMQAdapter(queue)`. The
   * queue is of BullMQ 6 and fits wherever one is asked for: which version's types the board has is its own business.
   */
  adapt(queue: never, place: { batch: string; stage: QueueName }): Adapter;
}

export interface BoardWatch {
  /** The board keeps what it shows, and hears of nothing new. */
  close(): Promise<void>;
}

/** Batches come and go by the hundred at once: the board is told once. */
const gatherMs = 200;
/** Should news be lost. */
const lookAroundMs = 30_000;

/**
 * Keeps a Bull Board up to date with the queues of all open batches, as they come and go. Tokens in the addresses of
 * results are hidden (S8).
 * @throws BatchError `redis_unreachable`, `bad_configuration`
 */
export async function boardQueues<Adapter extends QueueAdapter>(
  options: BoardOptions<Adapter>,
): Promise<BoardWatch> {
  const session = await connect(options);
  const { connection, settings } = session;
  const queues = new BatchQueues(connection, settings.prefix);
  const made = new WeakMap<Queue, Adapter>();
  const look = async () => {
    const open = await openBatches(session);
    const adapters = open.flatMap(({ batch, stages }) =>
      stages.map((stage) => {
        const queue = queues.of(batch)[stage];
        const adapter = made.get(queue) ?? adapterOf(options, queue, { batch, stage });
        made.set(queue, adapter);
        return adapter;
      }),
    );
    options.board.replaceQueues(adapters);
    await queues.keepOnly(new Set(open.map(({ batch }) => batch)));
  };
  let looking = look();
  try {
    await looking;
  } catch (error) {
    await queues.closeAll();
    await session.close();
    throw error;
  }
  let due: NodeJS.Timeout | undefined;
  const lookSoon = () => {
    due ??= setTimeout(() => {
      due = undefined;
      // What Redis cannot tell now is looked at again with the next news, or in half a minute.
      looking = looking.then(look).catch(() => undefined);
    }, gatherMs);
  };
  const news = new NewsReader(connection, settings.prefix);
  news.listen(({ about }) => {
    if (about === 'batch' || about === 'all') lookSoon();
  });
  const around = setInterval(lookSoon, lookAroundMs);
  return {
    async close() {
      clearInterval(around);
      clearTimeout(due);
      news.close();
      await looking;
      await queues.closeAll();
      await session.close();
    },
  };
}

function adapterOf<Adapter extends QueueAdapter>(
  { adapt }: BoardOptions<Adapter>,
  queue: Queue<JobData>,
  place: { batch: string; stage: QueueName },
): Adapter {
  const adapter = adapt(queue as never, place);
  adapter.setFormatter?.('data', ({ urls, ...data }) =>
    urls === undefined ? data : { ...data, urls: urls.map(hideSecrets) },
  );
  return adapter;
}

interface OpenBatch {
  batch: string;
  stages: readonly QueueName[];
}

async function openBatches({
  connection,
  settings: { prefix },
}: StoreSession): Promise<OpenBatch[]> {
  const nobody = new AccountLedger(connection, prefix, 'nobody');
  const names = (await connection.smembers(batchesKey(prefix))).sort();
  const found = await Promise.all(
    names.map(async (batch) => {
      const meta = await new BatchLedger(connection, prefix, batch, nobody).meta();
      return meta === null || isFinalized(meta) ? [] : [{ batch, stages: queuesOf(meta) }];
    }),
  );
  return found.flat();
}
