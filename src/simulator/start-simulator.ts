import type { FastifyError, FastifyInstance } from 'fastify';
import Fastify from 'fastify';
import { type Clock, systemClock } from '../shared/clock.js';
import { BatchError } from '../shared/errors.js';
import { errorAnswer } from './answer.js';
import { type Bill, drawUpBill } from './bill.js';
import { addAccountRoutes } from './routes/account.js';
import { addControlRoutes } from './routes/control.js';
import { addFileRoutes } from './routes/files.js';
import { addGenerationRoutes } from './routes/generations.js';
import { addMediaRoutes } from './routes/media.js';
import { addWebhookRoutes } from './routes/webhooks.js';
import { sendAnswer } from './send-answer.js';
import type { SettingsPatch } from './settings.js';
import { SimulatedApi } from './simulated-api.js';
import type { SimulatedTask } from './task-book.js';
import type { UploadedFile } from './upload.js';

/** Where to listen, and any setting of `SettingsPatch` to start with. */
export interface SimulatorOptions extends SettingsPatch {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: a free port. */
  port?: number;
  /** File in which accepted tasks are kept, for simulators after this one and beside it; unless said, nothing is kept. */
  keptIn?: string | null;
  /** For tests of durations and windows; waits of late and slow answers are real time all the same. */
  clock?: Clock;
}

/** A task, or a turn of a chat, as it was asked for. */
type AskedTask = Pick<
  SimulatedTask,
  'model' | 'prompt' | 'params' | 'idempotencyKey' | 'clientRequestId'
>;

/** A running stand-in for the Rivya API. */
export interface Simulator {
  /** `http://host:port`: what RIVYA_BASE_URL takes. */
  origin: string;
  port: number;
  /** What was made and charged so far. */
  bill(): Bill;
  /** What was asked for by each task, in the order in which they were made. */
  asked(): AskedTask[];
  /** What was uploaded, in order. */
  uploads(): UploadedFile[];
  /** Changes settings from now on, as `POST /simulator/control` does. */
  control(patch: SettingsPatch): void;
  /** Ends all connections; safe to call again. */
  close(): Promise<void>;
}

/**
 * Starts the Rivya API as a real HTTP server, with state in memory, a bill of its own and faults on demand.
 * Its own endpoints: GET and POST `/simulator/control`, GET `/simulator/bill[?requests=1]`,
 * POST `/simulator/reset`, POST `/simulator/credits` with `{"add":n}` or `{"set":n}`.
 *
 * @throws BatchError `bad_configuration` for settings that cannot be.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', port = 0, clock = systemClock, keptIn = null, ...settings } = options;
  const api = new SimulatedApi(clock, settings, keptIn);
  const server = buildServer(api);
  await server.listen({ host, port });
  const address = server.server.address();
  const boundPort = typeof address === 'object' && address ? address.port : port;
  // A server that listens everywhere is still called by a name that exists.
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return {
    origin: `http://${name.includes(':') ? `[${name}]` : name}:${boundPort}`,
    port: boundPort,
    bill: () => drawUpBill(api),
    asked: () =>
      [...api.history.tasks.all()].map(
        ({ model, prompt, params, idempotencyKey, clientRequestId }) => ({
          ...{ model, prompt, params, idempotencyKey, clientRequestId },
        }),
      ),
    uploads: () => [...api.history.uploads.values()],
    control: (patch) => api.control(patch),
    close: async () => {
      api.history.webhooks.close();
      await server.close();
    },
  };
}

function buildServer(api: SimulatedApi): FastifyInstance {
  const server = Fastify({ logger: false, forceCloseConnections: true });
  // Every body is kept as it came: idempotency compares bytes, and bad JSON is for the API to refuse.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  addGenerationRoutes(server, api);
  addAccountRoutes(server, api);
  addFileRoutes(server, api);
  addMediaRoutes(server, api);
  addWebhookRoutes(server, api);
  addControlRoutes(server, api);
  server.setNotFoundHandler((request, reply) => {
    api.history.requests.arrive('other', api.clock.now()).status = 404;
    const message = `Not found: ${request.method} ${request.url}.`;
    const requestId = api.nextId('req');
    return sendAnswer(reply, errorAnswer({ status: 404, code: 'not_found', message, requestId }));
  });
  server.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? (isBadInput(error) ? 400 : 500);
    const code = status < 500 ? 'validation_failed' : 'internal_error';
    const { message } = error;
    const requestId = api.nextId('req');
    return sendAnswer(reply, errorAnswer({ status, code, message, requestId }));
  });
  return server;
}

/** What the control endpoints throw for a body that cannot be used. */
function isBadInput(error: Error): boolean {
  return error instanceof SyntaxError || error instanceof BatchError;
}
