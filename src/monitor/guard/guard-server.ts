import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../shared/clock.js';
import { GuessLimit } from './guess-limit.js';
import { hideSecrets } from './hide-secrets.js';

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

export interface Login {
  user: string;
  password: string;
}

/** HTTP Basic on every path, those that do not exist included; guessing is slowed for each address. */
async function requireLogin(server: FastifyInstance, login: Login, clock: Clock): Promise<void> {
  const limit = new GuessLimit();
  await server.register(basicAuth, {
    authenticate: { realm: 'rivya-batch monitor' },
    validate: async (user: string, password: string, request: FastifyRequest) => {
      if (matches(login, { user, password })) {
        limit.noteRight(request.ip);
        return;
      }
      limit.noteWrong(request.ip, clock.now());
      throw new Error('The user or the password is wrong.');
    },
  });
  server.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    // A browser's first request carries no guess: it is only told that there is a login.
    if (request.headers.authorization === undefined) return;
    const waitMs = limit.waitMs(request.ip, clock.now());
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    return reply
      .code(429)
      .header('retry-after', String(seconds))
      .type('text/plain; charset=utf-8')
      .send(`Too many wrong passwords from this address. Wait ${seconds} s.\n`);
  });
  server.addHook('onRequest', server.basicAuth);
}

/** Takes the same time however much of either is right. */
function matches(login: Login, guess: Login): boolean {
  const user = timingSafeEqual(digest(login.user), digest(guess.user));
  const password = timingSafeEqual(digest(login.password), digest(guess.password));
  return user && password;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * Where a request that changes something comes from: a browser sends the login along with a form on any page of
 * the world, and says with it which page that was. What says nothing is taken for another site.
 */
export function judgeOrigin(headers: IncomingHttpHeaders): 'same' | 'other' {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' ? 'same' : 'other';
  const { origin, host } = headers;
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return 'other';
  return new URL(origin).host === host ? 'same' : 'other';
}

/**
 * Whether a request names this machine itself. A page of the world can have its own name point to 127.0.0.1, and
 * would then read what no login protects; the browser still tells the name that it used.
 */
export function namesThisMachine(host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false;
  return isLoopback(new URL(`http://${host}`).hostname);
}

/** For `--host` as for the name in a request. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/.test(host);
}
