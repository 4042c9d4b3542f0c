import Fastify from 'fastify';
import type { Clock } from '../../shared/clock.js';
import { type ListenAddress, listen } from '../../shared/listen.js';
import { guardServer, type Login } from '../../web/guard-server.js';
import { TokenLogin } from '../../web/token-login.js';
import { ReviewDesk } from './review-desk.js';
import { addReviewRoutes } from './review-routes.js';

export interface ReviewOptions extends ListenAddress {
  /** The results folder. */
  out: string;
  /** The folder, as it can be typed in a command. */
  typedAs?: string;
  /** Beside the token; null for none. */
  login: Login | null;
  clock: Clock;
  /** Is told in a sentence what could not be done while nobody waited for it. */
  warn(sentence: string): void;
}

export interface Review {
  desk: ReviewDesk;
  /** With the token that lets its reader in. */
  url: string;
  token: string;
  /** Ends all connections, and writes what is due. */
  close(): Promise<void>;
}

/**
 * Serves the page to look and decide on, of one folder.
 * @throws BatchError `bad_configuration` on a taken port
 */
export async function startReview({
  out,
  typedAs,
  login,
  clock,
  warn,
  host,
  port,
}: ReviewOptions): Promise<Review> {
  const token = new TokenLogin();
  const desk = new ReviewDesk(out, { clock, warn, ...(typedAs !== undefined && { typedAs }) });
  const server = Fastify({ logger: false, forceCloseConnections: true });
  await guardServer(server, { whose: 'review', login, token, clock });
  // After the guard: what does not exist needs the login as well.
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'There is no such page.' }),
  );
  await server.register((scope) =>
    addReviewRoutes(scope, {
      deskOf: async () => desk,
      canDecide: true,
      onError: (error) => warn(`Unexpected error: ${error instanceof Error ? error.stack : error}`),
    }),
  );
  const remedy = 'Choose another with --port';
  const origin = await listen(server, { host, port }, { whose: 'The review', remedy });
  const close = async () => {
    await server.close();
    await desk.close();
  };
  return { desk, url: token.addressAt(origin), token: token.token, close };
}
