import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance } from 'fastify';
import { BatchError } from '../../shared/errors.js';
import { type JobData, queueStages } from '../../shared/queues.js';
import { hideSecrets } from '../guard/hide-secrets.js';
import { boardPath, briefLink } from '../pages/links.js';
import type { BatchQueues, StageQueue } from '../reading/batch-queues.js';
import type { Watch } from '../reading/watch.js';
import { type Actions, boardHooks } from './allowed-actions.js';

export interface BoardOptions {
  queues: BatchQueues;
  watch: Watch;
  actions: Actions;
}

/** Bull Board's own pages set styles from their script; all else is as strict as on the other pages. */
const boardPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'self'; frame-ancestors 'none'";

/** Its page asks for a font from elsewhere: nobody is told that somebody looks at queues here. */
const elsewhere = /<link href="https?:[^>]*>/g;

/** Bull Board over the queues of all batches, found anew whenever it asks. */
export async function addBoard(server: FastifyInstance, options: BoardOptions): Promise<void> {
  const { queues, watch, actions } = options;
  const serverAdapter = new FastifyAdapter();
  serverAdapter.setBasePath(boardPath);
  const board = createBullBoard({
    queues: [],
    serverAdapter,
    options: { handlerHooks: boardHooks(actions), uiConfig },
  });
  const adapters = new WeakMap<StageQueue, BullMQAdapter>();
  const adapterOf = (batch: string, queue: StageQueue) => {
    const adapter = adapters.get(queue) ?? newAdapter(batch, queue, actions);
    adapters.set(queue, adapter);
    return adapter;
  };
  const findQueues = async () => {
    const { batches } = await watch.look();
    board.replaceQueues(
      batches.flatMap(({ meta: { name } }) =>
        queueStages.map((stage) => adapterOf(name, queues.of(name)[stage])),
      ),
    );
  };
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

const uiConfig = {
  boardTitle: 'rivya-batch queues',
  miscLinks: [{ text: 'Batches', url: '/' }],
  hideDocsLink: true,
  overview: { groupByDelimiter: true },
  // Would list the clients of Redis for every queue at every look.
  showWorkers: false,
};

function newAdapter(batch: string, queue: StageQueue, actions: Actions): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, {
    readOnlyMode: actions === 'read_only',
    delimiter: '.',
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
