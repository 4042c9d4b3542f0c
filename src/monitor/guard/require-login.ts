import { createHash, timingSafeEqual } from 'node:crypto';
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../shared/clock.js';
import { GuessLimit } from './guess-limit.js';

export interface Login {
  user: string;
  password: string;
}

/** HTTP Basic on every path, those that do not exist included; guessing is slowed for each address. */
export async function requireLogin(
  server: FastifyInstance,
  login: Login,
  clock: Clock,
): Promise<void> {
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
