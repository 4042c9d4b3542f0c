import type { IncomingHttpHeaders } from 'node:http';
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../shared/clock.js';
import { GuessLimit } from './guess-limit.js';
import { isSameText, type TokenLogin } from './token-login.js';

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

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

export interface Login {
  user: string;
  password: string;
}

export interface Guard {
  /** The server, as sentences name it: `monitor`. */
  whose: string;
  /** Null: no password is known. Without a token either, this machine alone is answered. */
  login: Login | null;
  token: TokenLogin | null;
  clock: Clock;
}

/** What holds for every request and every answer, whichever page it is. */
export async function guardServer(server: FastifyInstance, guard: Guard): Promise<void> {
  server.addHook('onRequest', async (_request, reply) => {
    reply.headers(headers);
  });
  if (guard.login || guard.token) await requireLogin(server, guard);
  else refuseForeignNames(server, guard);
  refuseForeignActions(server, guard);
}

function refuseForeignNames(server: FastifyInstance, { whose }: Guard): void {
  server.addHook('onRequest', async (request, reply) => {
    if (namesThisMachine(request.headers.host)) return;
    return tell(reply.code(403), `Without a login the ${whose} answers to localhost alone.`);
  });
}

function refuseForeignActions(server: FastifyInstance, { whose }: Guard): void {
  server.addHook('onRequest', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD') return;
    if (judgeOrigin(request.headers) === 'same') return;
    return tell(reply.code(403), `Actions are taken from the pages of the ${whose} alone.`);
  });
}

/** On every path, those that do not exist included; guessing is slowed for each address. */
async function requireLogin(server: FastifyInstance, guard: Guard): Promise<void> {
  const { login, token, clock } = guard;
  const limit = new GuessLimit();
  server.addHook('onRequest', async (request, reply) => {
    // A browser's first request carries no guess: it is only told that there is a login.
    if (request.headers.authorization === undefined && !token?.isOfferedIn(request)) return;
    const waitMs = limit.waitMs(request.ip, clock.now());
    if (waitMs === 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    const guesses = token ? 'wrong passwords or tokens' : 'wrong passwords';
    return tell(
      reply.code(429).header('retry-after', String(seconds)),
      `Too many ${guesses} from this address. Wait ${seconds} s.`,
    );
  });
  if (token) requireToken(server, { token, limit, clock, others: login ? 'admitted' : 'refused' });
  if (login) await requirePassword(server, guard, { login, limit });
}

function requireToken(server: FastifyInstance, { token, limit, clock, others }: TokenGuard): void {
  server.addHook('onRequest', async (request, reply) => {
    const sight = token.look(request);
    switch (sight.kind) {
      case 'admitted':
        return;
      case 'exchanged':
        limit.noteRight(request.ip);
        return reply.header('set-cookie', sight.cookie).redirect(sight.to, 303);
      case 'wrong':
        limit.noteWrong(request.ip, clock.now());
        return tell(
          reply.code(401),
          'This token is wrong, or of a server that has ended. Open the address that was printed last.',
        );
      case 'none':
        if (comesFromElsewhere(request)) {
          return reply.code(401).type('text/html; charset=utf-8').send(askOnceMore);
        }
        if (others === 'admitted') return;
        return tell(reply.code(401), 'Open the address that was printed: it holds a token.');
      default:
        return sight satisfies never;
    }
  });
}

interface TokenGuard {
  token: TokenLogin;
  limit: GuessLimit;
  clock: Clock;
  /** Whether those without a token may have a password. */
  others: 'admitted' | 'refused';
}

/** A browser that follows a link of another site keeps the cookie back; the page that it is on then has it sent. */
const askOnceMore =
  '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>…</title>';

function comesFromElsewhere({ method, headers }: FastifyRequest): boolean {
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
  return method === 'GET' && mode === 'navigate' && (site === 'cross-site' || site === 'same-site');
}

/** HTTP Basic. */
async function requirePassword(
  server: FastifyInstance,
  { whose, token, clock }: Guard,
  { login, limit }: { login: Login; limit: GuessLimit },
): Promise<void> {
  await server.register(basicAuth, {
    authenticate: { realm: `rivya-batch ${whose}` },
    validate: async (user: string, password: string, request: FastifyRequest) => {
      if (matches(login, { user, password })) {
        limit.noteRight(request.ip);
        return;
      }
      limit.noteWrong(request.ip, clock.now());
      throw new Error('The user or the password is wrong.');
    },
  });
  server.addHook('onRequest', (request, reply, done) => {
    if (token?.look(request).kind === 'admitted') {
      done();
      return;
    }
    server.basicAuth(request, reply, (error?: Error) => {
      if (error === undefined) done();
      else tell(reply.code(401), wrongPassword);
    });
  });
}

const wrongPassword =
  'The user or the password is wrong, or missing. Load the page again to try once more.';

function tell(reply: FastifyReply, sentence: string): FastifyReply {
  return reply.type('text/plain; charset=utf-8').send(`${sentence}\n`);
}

/** Takes the same time however much of either is right. */
function matches(login: Login, guess: Login): boolean {
  const user = isSameText(login.user, guess.user);
  const password = isSameText(login.password, guess.password);
  return user && password;
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
