import { createBullBoard } from '@bull-board/api';
import type { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import { BatchError } from '../../shared/errors.js';
import { queueStages } from '../../shared/queues.js';
import { boardPath } from '../pages/links.js';
import type { Watch, WatchedQueues } from '../reading/watch.js';
import { type Actions, boardHooks } from './allowed-actions.js';
import { stageAdapter, tickAdapter } from './queue-adapters.js';

export interface BoardOptions {
  queues: WatchedQueues;
  watch: Watch;
  actions: Actions;
}

/** Bull Board's own pages set styles from their script; all else is as strict as on the other pages. */
const boardPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'self'; frame-ancestors 'none'";

/** Its page asks for a font from elsewhere: nobody is told that somebody looks at queues here. */
const elsewhere = /<link href="https?:[^>]*>/g;

/** Bull Board over the queues of all batches and schedules, found anew whenever it asks. */
export async function addBoard(server: FastifyInstance, options: BoardOptions): Promise<void> {
  const { actions } = options;
  const serverAdapter = new FastifyAdapter();
  serverAdapter.setBasePath(boardPath);
  const board = createBullBoard({
    queues: [],
    serverAdapter,
    options: { handlerHooks: boardHooks(actions), uiConfig },
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
      scope.addHook('onSend', async (_request, _reply, payload) =>
        typeof payload === 'string' ? payload.replace(elsewhere, '') : payload,
      );
      await scope.register(serverAdapter.registerPlugin());
    },
    { prefix: boardPath },
  );
}

/** Finds the adapters of all queues that there are; each queue keeps the one that was made for it. */
function adapterFinder({ queues, watch, actions }: BoardOptions) {
  const made = new WeakMap<Queue, BullMQAdapter>();
  const keep = <Q extends Queue>(queue: Q, make: (queue: Q) => BullMQAdapter) => {
    const adapter = made.get(queue) ?? make(queue);
    made.set(queue, adapter);
    return adapter;
  };
  return async (): Promise<BullMQAdapter[]> => {
    const { batches, schedules } = await watch.look();
    const stages = batches.flatMap(({ meta: { name } }) =>
      queueStages.map((stage) =>
        keep(queues.batches.of(name)[stage], (queue) => stageAdapter(name, queue, actions)),
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
