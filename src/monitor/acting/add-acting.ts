import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { BatchError } from '../../shared/errors.js';
import type { Actions } from '../board/add-board.js';
import { actPath, batchLink } from '../pages/layout.js';
import { askedPage, countingPage, refusedPage } from '../pages/question-page.js';
import { underWayWords } from '../pages/steering-parts.js';
import type { Ledgers } from '../reading/ledgers.js';
import type { Watch } from '../reading/watch.js';
import {
  askOfBatch,
  type BatchWish,
  batchWishSchema,
  doToBatch,
  type Hands,
} from './batch-deeds.js';
import type { Acted, Asked } from './question.js';
import {
  askOfSchedule,
  doToSchedule,
  type ScheduleWish,
  scheduleWishSchema,
} from './schedule-deeds.js';
import { type DeedsUnderWay, QuestionsUnderWay } from './under-way.js';

export interface Acting {
  ledgers: Ledgers;
  watch: Watch;
  actions: Actions;
  hands: Hands;
  underWay: DeedsUnderWay;
  log: Logger;
}

/** Names, and a few numbers. */
const mostPostedBytes = 64 * 1024;

const readOnly =
  'This monitor is read-only: start it with --allow-actions, or type the command that the page shows.';

type Wish = { of: 'batch'; wish: BatchWish } | { of: 'schedule'; wish: ScheduleWish };

/**
 * Pages on which people act: a GET says what it does and costs, and asks; its form is posted, and what was done shows on
 * the page that follows. That no other site posts it is seen to by the server's guard.
 */
export async function addActing(server: FastifyInstance, acting: Acting): Promise<void> {
  const questions = new QuestionsUnderWay<Asked | Kept | null>();
  await server.register(async (scope) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: mostPostedBytes },
      async (_request: FastifyRequest, body: string) =>
        Object.fromEntries(new URLSearchParams(body)),
    );
    scope.addHook('onRequest', async (_request, reply) => {
      // A browser that keeps where it comes from to itself keeps the origin of a form to itself as well, by which it is
      // known where no name of a site is sent along: over plain HTTP.
      reply.header('referrer-policy', 'same-origin');
      if (acting.actions === 'allowed') return;
      return page(
        reply.code(403),
        refusedPage('Not from here', readOnly, acting.ledgers.clock.now()),
      );
    });
    scope.get(actPath, async (request, reply) => {
      const wished = readWish(request.query);
      const find = () => inWords(() => ask(acting, wished));
      const asked = await questions.waitFor(JSON.stringify(wished), find);
      if (asked === 'goes_on') return page(reply, countingPage(acting.ledgers.clock.now()));
      return answer(acting, reply, wished, asked);
    });
    scope.post(actPath, async (request, reply) => {
      const wished = readWish(request.body);
      const acted = await begin(acting, wished);
      await acting.watch.lookAnew();
      return answer(acting, reply, wished, acted);
    });
  });
}

/** An address or a form that lacks what is needed. */
class WishError extends Error {
  readonly statusCode = 400;
}

function readWish(from: unknown): Wish {
  const batch = batchWishSchema.safeParse(from);
  if (batch.success) return { of: 'batch', wish: batch.data };
  const schedule = scheduleWishSchema.safeParse(from);
  if (schedule.success) return { of: 'schedule', wish: schedule.data };
  throw new WishError(
    'The request is not complete: begin again from the page of the batch or schedule.',
  );
}

async function ask({ ledgers, hands, underWay }: Acting, wished: Wish): Promise<Asked | null> {
  if (wished.of === 'schedule') return askOfSchedule(hands, wished.wish);
  const { batch } = wished.wish;
  const goesOn = underWay.of(batch);
  if (goesOn !== null) {
    const why = underWayWords(goesOn);
    return { kind: 'not_now', title: batch, why, commands: [], back: batchLink(batch) };
  }
  const meta = await ledgers.inTime(() => ledgers.batch(wished.wish.batch).meta());
  return meta && askOfBatch(hands, meta, wished.wish);
}

async function act({ ledgers, hands }: Acting, wished: Wish): Promise<Acted | null> {
  if (wished.of === 'schedule') {
    // Whoever waits for a Redis that is away is told so, and nothing is done later.
    await ledgers.inTime(() => ledgers.redis.ping());
    return doToSchedule(hands, wished.wish);
  }
  const meta = await ledgers.inTime(() => ledgers.batch(wished.wish.batch).meta());
  return meta && doToBatch(hands, meta, wished.wish);
}

/** Of a batch, what takes long goes on while its page is looked at: what came of it is told there. */
async function begin(acting: Acting, wished: Wish): Promise<Acted | Kept | null> {
  const done = inWords(() => act(acting, wished));
  if (wished.of === 'schedule') return done;
  const { batch, deed } = wished.wish;
  const one = { deed, sinceMs: acting.ledgers.clock.now() };
  const acted = await acting.underWay.waitFor(batch, one, done);
  if (acted !== 'goes_on') return acted;
  void tellEnd(acting, wished.wish, done);
  return { kind: 'done', to: batchLink(batch) };
}

/** What was done has noted itself. */
async function tellEnd(
  { ledgers, watch, hands, log }: Acting,
  { batch, deed }: BatchWish,
  done: Promise<Acted | Kept | null>,
): Promise<void> {
  try {
    const why = await done.then(whyNot, (error: unknown) => {
      log.error({ err: error, batch, deed }, 'what was asked for in the monitor was not done');
      return 'an unexpected error: the log of the monitor says more';
    });
    await watch.lookAnew();
    if (why !== null)
      await ledgers.batch(batch).deeds.note({ kind: 'not_done', deed, why }, hands.by);
  } catch (error) {
    log.error({ err: error, batch, deed }, 'what came of it could not be noted');
  }
}

/** Null where it was done, or its batch is gone. */
function whyNot(acted: Acted | Kept | null): string | null {
  switch (acted?.kind) {
    case undefined:
    case 'done':
      return null;
    case 'question':
      return acted.because;
    case 'kept':
    case 'not_now':
      return acted.why;
    default:
      return acted satisfies undefined;
  }
}

/** What keeps a deed from being done, and is no fault of ours: as a command would say it. */
interface Kept {
  kind: 'kept';
  why: string;
}

async function inWords<T>(work: () => Promise<T>): Promise<T | Kept> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BatchError) || error.code === 'redis_unreachable') throw error;
    if (error.code === 'internal') throw error;
    return { kind: 'kept', why: error.message };
  }
}

function answer(
  { ledgers }: Acting,
  reply: FastifyReply,
  { of, wish }: Wish,
  acted: Acted | Kept | null,
): FastifyReply {
  const atMs = ledgers.clock.now();
  if (acted === null) {
    const what = of === 'batch' ? `batch ${wish.batch}` : `schedule ${wish.schedule}`;
    return page(reply.code(404), refusedPage('Not found', `There is no ${what}.`, atMs));
  }
  switch (acted.kind) {
    case 'done':
      // To be loaded again without posting again.
      return reply.redirect(acted.to, 303);
    case 'kept':
      return page(reply.code(409), refusedPage('Nothing was done', acted.why, atMs));
    case 'not_now':
      return page(reply.code(409), askedPage(acted, atMs));
    case 'question':
      return page(reply.code(acted.because === null ? 200 : 409), askedPage(acted, atMs));
    default:
      return acted satisfies never;
  }
}

function page(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(text);
}
