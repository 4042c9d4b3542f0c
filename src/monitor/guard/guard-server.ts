import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../shared/clock.js';
import { hideSecrets } from './hide-secrets.js';
import { judgeOrigin, namesThisMachine } from './judge-origin.js';
import { type Login, requireLogin } from './require-login.js';

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const headers = {
  'content-security-policy': pagePolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // Prompts and names of customers do not stay behind in a shared browser.
  'cache-control': 'no-store',
};

/** What holds for every request and every answer, whichever page it is. */
export async function guardServer(
  server: FastifyInstance,
  { login, clock }: { login: Login | null; clock: Clock },
): Promise<void> {
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(headers);
  });
  if (login) await requireLogin(server, login, clock);
  else refuseForeignNames(server);
  refuseForeignActions(server);
  server.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' ? hideSecrets(payload) : payload,
  );
}

function refuseForeignNames(server: FastifyInstance): void {
  server.addHook('onRequest', async (request, reply) => {
    if (namesThisMachine(request.headers.host)) return;
    return reply
      .code(403)
      .type('text/plain; charset=utf-8')
      .send('Without a login the monitor answers to localhost alone.\n');
  });
}

function refuseForeignActions(server: FastifyInstance): void {
  server.addHook('onRequest', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return;
    if (judgeOrigin(request.headers) === 'same') return;
    return reply
      .code(403)
      .type('text/plain; charset=utf-8')
      .send('Actions are taken from the pages of the monitor alone.\n');
  });
}
