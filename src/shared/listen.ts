import type { FastifyInstance } from 'fastify';
import { BatchError } from './errors.js';

export interface ListenAddress {
  host: string;
  /** 0: a free port. */
  port: number;
}

/**
 * Lets a server listen. `whose` and `remedy` complete the sentence for a person where it cannot.
 * @returns its origin, `http://host:port`
 * @throws BatchError `bad_configuration`
 */
export async function listen(
  server: FastifyInstance,
  { host, port }: ListenAddress,
  { whose, remedy }: { whose: string; remedy: string },
): Promise<string> {
  try {
    await server.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'EADDRINUSE' ? 'something listens there already' : `that is not possible (${code})`;
    throw new BatchError(
      'bad_configuration',
      `${whose} cannot listen on ${host}, port ${port}: ${why}. ${remedy}.`,
      { cause: error },
    );
  }
  const address = server.server.address();
  const taken = typeof address === 'object' && address ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${taken}`;
}
