import type { FastifyError, FastifyReply } from 'fastify';
import Fastify from 'fastify';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { OutputPlaces } from '../results/output-places.js';
import type { Model } from '../rivya/outcome.js';
import type { Clock } from '../shared/clock.js';
import { BatchError } from '../shared/errors.js';
import { listen } from '../shared/listen.js';
import { tellNews } from '../shared/news.js';
import { guardServer, isLoopback, type Login } from '../web/guard-server.js';
import { addActing } from './acting/add-acting.js';
import type { Hands } from './acting/batch-deeds.js';
import { DeedsUnderWay } from './acting/under-way.js';
import { addPages } from './add-pages.js';
import { type Actions, addBoard } from './board/add-board.js';
import { hideSecrets } from './hide-secrets.js';
import { troublePage } from './pages/layout.js';
import { Ledgers } from './reading/ledgers.js';
import { BatchQueues, ScheduleQueues } from './reading/queues.js';
import { Watch } from './reading/watch.js';
import { addReviews, ReviewDesks } from './review-desks.js';

export interface MonitorOptions {
  connection: Redis;
  prefix: string;
  clock: Clock;
  log: Logger;
  host: string;
  /** 0: a free port. */
  port: number;
  /** Null: none, which this machine alone may use. */
  login: Login | null;
  actions: Actions;
  /** Where outputs in buckets are mirrored on this machine. */
  places: OutputPlaces;
  /** The models of an API, as far as they are known without asking it: for what a retry is expected to cost. */
  modelsOf(origin: string): Promise<Model[]>;
  /** A command of ours, as it is typed for this Redis. */
  commandLine(words: readonly string[]): string;
}

export interface Monitor {
  /** `http://host:port` */
  origin: string;
  /** Ends all connections to it; the connection to Redis is its owner's. */
  close(): Promise<void>;
}

/**
 * Serves the pages, Bull Board and the metrics over HTTP.
 * @throws BatchError `bad_configuration` without a login on an address that others can reach, or on a taken port
 */
export async function startMonitor(options: MonitorOptions): Promise<Monitor> {
  const { connection, prefix, clock, log, host, port, login, actions } = options;
  if (!login && !isLoopback(host)) {
    throw new BatchError(
      'bad_configuration',
      `Without a login the monitor listens on this machine alone, not on ${host}: set MONITOR_PASSWORD.`,
    );
  }
  const ledgers = new Ledgers(connection, prefix, clock);
  const queues = {
    batches: new BatchQueues(connection, prefix),
    schedules: new ScheduleQueues(connection, prefix),
  };
  const watch = new Watch(ledgers, queues);
  const server = Fastify({ logger: false, forceCloseConnections: true });
  server.setErrorHandler((error: FastifyError, _request, reply) => tell(options, error, reply));
  await guardServer(server, { whose: 'monitor', login, token: null, clock });
  server.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' ? hideSecrets(payload) : payload,
  );
  // After the guard: what does not exist needs the login as well.
  server.setNotFoundHandler((_request, reply) => tellMissing(options, reply));
  const deeds = new DeedsUnderWay();
  const underWay = (batch: string) => deeds.of(batch);
  const steering = { actions, commandLine: options.commandLine, underWay };
  await addPages(server, { ledgers, queues: queues.batches, watch, steering });
  const hands = handsOf(options);
  await addActing(server, { ledgers, watch, actions, hands, underWay: deeds, log });
  const desks = new ReviewDesks(ledgers, { clock, log });
  await addReviews(server, { desks, actions, log });
  const tellBatch = (name: string) => tellNews(connection, prefix, { about: 'batch', name });
  const noteDeed = (name: string, kind: 'paused' | 'resumed') =>
    ledgers.batch(name).deeds.note({ kind }, hands.by);
  await addBoard(server, { queues, watch, actions, tellBatch, noteDeed });
  watch.start();
  const stop = async () => {
    await server.close();
    await watch.stop();
    await desks.closeAll();
    await Promise.all([queues.batches.closeAll(), queues.schedules.closeAll()]);
  };
  const remedy = 'Choose others with --host and --port';
  const origin = await listen(server, { host, port }, { whose: 'The monitor', remedy }).catch(
    async (error: unknown) => {
      await stop();
      throw error;
    },
  );
  return { origin, close: stop };
}

function handsOf({ connection: redis, login, ...options }: MonitorOptions): Hands {
  const { prefix, clock, places, modelsOf, commandLine } = options;
  const by = { name: login?.user ?? 'somebody without a login', from: 'monitor' } as const;
  return { redis, prefix, clock, places, modelsOf, commandLine, by };
}

function tellMissing({ clock }: MonitorOptions, reply: FastifyReply) {
  const trouble = { title: 'Not found', text: 'There is no such page.', live: 'still' } as const;
  return reply.code(404).type('text/html; charset=utf-8').send(troublePage(trouble, clock.now()));
}

/** Every error that a request ended with; what was unexpected is logged, and not shown. */
function tell({ log, clock }: MonitorOptions, error: FastifyError, reply: FastifyReply) {
  const page = (status: number, title: string, text: string) =>
    reply
      .code(status)
      .type('text/html; charset=utf-8')
      .send(troublePage({ title, text, live: status === 503 ? 'live' : 'still' }, clock.now()));
  if (error instanceof BatchError && error.code === 'redis_unreachable') {
    return page(503, 'Redis does not answer', 'Nothing is lost; this page looks again by itself.');
  }
  const status = error.statusCode ?? 500;
  if (status < 500)
    return page(status, status === 404 ? 'Not found' : 'Not understood', error.message);
  log.error({ err: error }, 'a page of the monitor could not be made');
  return page(500, 'Something went wrong', 'The log of the monitor says more.');
}
