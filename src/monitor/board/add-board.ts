import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { BoardHooks } from '@bull-board/api/dist/types.js';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import { isOver } from '../../ledger/batch-meta.js';
import type { Deed } from '../../ledger/deeds.js';
import type { ScheduleJob } from '../../schedule/queue.js';
import { BatchError } from '../../shared/errors.js';
import { queueName } from '../../shared/queue-names.js';
import type { JobData } from '../../shared/queues.js';
import { hideSecrets } from '../hide-secrets.js';
import { boardPath, briefLink, scheduleLink } from '../pages/layout.js';
import { queuesOf, type StageQueue, type TickQueue } from '../reading/queues.js';
import type { Watch, WatchedQueues } from '../reading/watch.js';

type Held = Extract<Deed['kind'], 'paused' | 'resumed'>;

export interface BoardOptions {
  queues: WatchedQueues;
  watch: Watch;
  actions: Actions;
  /** Tells the workers that something has changed for a batch. */
  tellBatch(batch: string): Promise<void>;
  /** Notes that a person has paused a batch here, or resumed it. */
  noteDeed(batch: string, deed: Held): Promise<void>;
}

/** Bull Board's own pages set styles from their script; all else is as strict as on the other pages. */
const boardPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'self'; frame-ancestors 'none'";

/** Its page asks for a font from elsewhere: nobody is told that somebody looks at queues here. */
const elsewhere = /<link href="https?:[^>]*>/g;

/** Its files, beside this module where that was built; for a source, Bull Board finds them itself. */
const pages = fileURLToPath(new URL('ui', import.meta.url));
const ownPages = existsSync(pages) ? { uiBasePath: pages } : {};

/** Bull Board over the queues of all open batches and of schedules, found anew whenever it asks. */
export async function addBoard(server: FastifyInstance, options: BoardOptions): Promise<void> {
  const { actions, tellBatch } = options;
  const serverAdapter = new FastifyAdapter();
  serverAdapter.setBasePath(boardPath);
  const board = createBullBoard({
    queues: [],
    serverAdapter,
    options: { handlerHooks: boardHooks(actions), uiConfig, ...ownPages },
  });
  const findAdapters = adapterFinder(options);
  const findQueues = async () => board.replaceQueues(await findAdapters());
  await server.register(
    async (scope) => {
      scope.addHook('onRequest', async (request, reply) => {
        reply.header('content-security-policy', boardPolicy);
        if (!request.url.startsWith(`${boardPath}/api/`)) return;
        try {
          await findQueues();
        } catch (error) {
          if (!(error instanceof BatchError)) throw error;
          // Bull Board's own handler would answer with a stack.
          return reply.code(503).send({ error: error.message });
        }
      });
      // BullMQ tells its own workers of a queue that goes on, and ours wait for news.
      scope.addHook('onResponse', async (request, reply) => {
        if (request.method === 'GET' || reply.statusCode >= 400) return;
        const { batches } = await options.watch.look();
        const names = batches.map(({ meta: { name } }) => name);
        await Promise.all(names.map((name) => tellBatch(name)));
        const held = heldBy(request.url);
        if (held === null) return;
        const meant = names.filter((name) => held.queue === queueName(name, 'submit'));
        await Promise.all(meant.map((name) => options.noteDeed(name, held.deed)));
      });
      scope.addHook('onSend', async (_request, _reply, payload) =>
        typeof payload === 'string' ? payload.replace(elsewhere, '') : payload,
      );
      await scope.register(serverAdapter.registerPlugin());
    },
    { prefix: boardPath },
  );
}

/** Which queue a request has paused, or resumed; null for any other. A batch is paused by its queue of submissions. */
function heldBy(url: string): { queue: string; deed: Held } | null {
  const [, queue, action] = /\/api\/queues\/([^/?]+)\/(pause|resume)(?:\?|$)/.exec(url) ?? [];
  if (queue === undefined) return null;
  return { queue: decodeURIComponent(queue), deed: action === 'pause' ? 'paused' : 'resumed' };
}

/** Finds the adapters of all queues in which something may be; each queue keeps the one that was made for it. */
function adapterFinder({ queues, watch, actions }: BoardOptions) {
  const made = new WeakMap<Queue, BullMQAdapter>();
  const keep = <Q extends Queue>(queue: Q, make: (queue: Q) => BullMQAdapter) => {
    const adapter = made.get(queue) ?? make(queue);
    made.set(queue, adapter);
    return adapter;
  };
  return async (): Promise<BullMQAdapter[]> => {
    const { batches, schedules } = await watch.look();
    // Of those that are over the queues are empty, and there may be a hundred.
    const going = batches.filter(({ meta }) => !isOver(meta));
    const stages = going.flatMap(({ meta }) =>
      queuesOf(meta).map((name) =>
        keep(queues.batches.of(meta.name)[name], (queue) =>
          stageAdapter(meta.name, queue, actions),
        ),
      ),
    );
    const ticks = schedules.map(({ account }) =>
      keep(queues.schedules.of(account), (queue) => tickAdapter(account, queue, actions)),
    );
    return [...stages, ...ticks];
  };
}

const uiConfig = {
  boardTitle: 'rivya-batch queues',
  miscLinks: [{ text: 'Batches', url: '/' }],
  hideDocsLink: true,
  overview: { groupByDelimiter: true },
  // Would list the clients of Redis for every queue at every look.
  showWorkers: false,
};

/** Whether Bull Board may change anything. */
export type Actions = 'read_only' | 'allowed';

/**
 * What may be done to a queue without breaking the sums (S4): a job that is removed, emptied or edited away would
 * leave its brief without a line for ever. To stop a batch there is `rivya-batch cancel`.
 */
const harmless: ReadonlySet<string> = new Set([
  '/api/queues/pause',
  '/api/queues/resume',
  '/api/queues/:queueName/pause',
  '/api/queues/:queueName/resume',
  '/api/queues/:queueName/promote',
  '/api/queues/:queueName/retry/:queueStatus',
  '/api/queues/:queueName/:jobId/promote',
  '/api/queues/:queueName/:jobId/retry',
]);

function judgeAction(
  { method, route }: { method: string; route: string },
  actions: Actions,
): { allow: true } | { allow: false; message: string } {
  if (method === 'get') return { allow: true };
  if (actions === 'read_only') {
    return { allow: false, message: 'The monitor is read-only: start it with --allow-actions.' };
  }
  if (harmless.has(route)) return { allow: true };
  return {
    allow: false,
    message: 'This would leave briefs without a line: use "rivya-batch cancel" or "retry" instead.',
  };
}

function boardHooks(actions: Actions): BoardHooks {
  return {
    before: async (context) => {
      const judged = judgeAction(context, actions);
      return judged.allow ? { allow: true } : { ...judged, status: 403 };
    },
  };
}

/** A queue of a batch, as Bull Board shows it. */
function stageAdapter(batch: string, queue: StageQueue, actions: Actions): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, {
    ...adapterOptions(actions),
    externalJobUrl: ({ data }: { data: JobData }) => ({
      displayText: 'The whole story of this brief',
      href: briefLink(batch, data.brief),
    }),
  });
  // Result URLs with their queries are in the collect jobs alone (S8).
  adapter.setFormatter('data', ({ urls, ...data }: JobData) =>
    urls ? { ...data, urls: urls.map(hideSecrets) } : data,
  );
  return adapter;
}

/** The queue from which workers take what is due of an account's schedules. */
function tickAdapter(account: string, queue: TickQueue, actions: Actions): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, {
    ...adapterOptions(actions),
    externalJobUrl: ({ data }: { data: ScheduleJob }) => ({
      displayText: 'This schedule, and its runs',
      href: scheduleLink(account, data.schedule),
    }),
  });
  return adapter;
}

function adapterOptions(actions: Actions) {
  return { readOnlyMode: actions === 'read_only', delimiter: '.' };
}
