import Fastify from 'fastify';
import { type ListenAddress, listen } from '../shared/listen.js';
import type { WorkerProcess } from './worker-process.js';

export interface HealthServer {
  /** `http://host:port` */
  origin: string;
  close(): Promise<void>;
}

/**
 * Answers whoever watches over processes, in JSON. `/health`: it lives, and there is no use in ending it; Redis that
 * is away comes back. `/ready`: it can work, or 503 with the reason.
 * @throws BatchError `bad_configuration` where it cannot listen
 */
export async function startHealthServer(
  worker: Pick<WorkerProcess, 'condition' | 'attached'>,
  place: ListenAddress,
): Promise<HealthServer> {
  const server = Fastify({ logger: false, forceCloseConnections: true });
  server.get('/health', () => ({ status: 'alive' }));
  server.get('/ready', (_request, reply) => {
    const { condition, attached } = worker;
    return reply
      .code(condition === 'ready' ? 200 : 503)
      .send({ status: condition, batches: attached.length });
  });
  const remedy = 'choose others with --health-host and --health-port';
  const origin = await listen(server, place, { whose: 'The health endpoint', remedy });
  return { origin, close: () => server.close() };
}
