import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { type BatchMeta, isFinalized } from '../ledger/batch-meta.js';
import {
  type HistorySeries,
  type HistorySpan,
  historySpanNames,
  readHistory,
  spanFor,
} from '../ledger/history.js';
import { accountKeys, batchKeys } from '../ledger/keys.js';
import { quoteName } from '../shared/quantities.js';
import { writeMetrics } from './metrics/write-metrics.js';
import { batchPage } from './pages/batch-page.js';
import { briefPage } from './pages/brief-page.js';
import { findableStatuses, findPage } from './pages/find-page.js';
import type { ShownHistory } from './pages/history-part.js';
import { schedulesPath, troublePage } from './pages/layout.js';
import { overviewPage } from './pages/overview-page.js';
import { schedulesPage } from './pages/schedules-page.js';
import type { Steering } from './pages/steering-parts.js';
import { findBriefs } from './reading/find-briefs.js';
import { readLatest, resultsOf } from './reading/latest-results.js';
import type { Ledgers } from './reading/ledgers.js';
import type { Overview } from './reading/overview.js';
import type { BatchQueues } from './reading/queues.js';
import { FailureReader } from './reading/read-failures.js';
import { readStory } from './reading/read-story.js';
import type { Watch } from './reading/watch.js';

export interface PageSources {
  ledgers: Ledgers;
  queues: BatchQueues;
  watch: Watch;
  steering: Steering;
}

const longestText = 2_000;
const overviewQuery = z.object({ span: z.enum(historySpanNames).catch('hour') });
const batchQuery = z.object({
  name: z.string().max(longestText),
  span: z.enum(historySpanNames).optional().catch(undefined),
});
const briefQuery = z.object({
  batch: z.string().max(longestText),
  id: z.string().max(longestText),
});
const findQuery = z.object({
  text: z.string().trim().max(longestText).default(''),
  status: z.enum(findableStatuses).default(''),
  batch: z.string().max(longestText).default(''),
});

/** Our own pages; what a query asks for is checked before anything is read. */
export async function addPages(server: FastifyInstance, sources: PageSources): Promise<void> {
  const { ledgers, watch, steering } = sources;
  const failures = new FailureReader();
  server.get('/', async (request, reply) => {
    const { span } = asked(overviewQuery, request.query);
    const overview = await watch.look();
    const places = await Promise.all(overview.batches.map(({ meta }) => resultsOf(meta)));
    const here = overview.batches.filter((_batch, index) => places[index] === 'here');
    const names = new Set(here.map(({ meta }) => meta.name));
    const series = await ledgers.inTime(() => readHistories(ledgers, overview, span));
    return send(reply, overviewPage(overview, { here: names, series }));
  });
  server.get(schedulesPath, async (_request, reply) =>
    send(reply, schedulesPage(await watch.look(), steering)),
  );
  server.get('/batch', async (request, reply) => {
    const { name, span } = asked(batchQuery, request.query);
    const batch = await watch.find(name);
    if (!batch)
      return notFound(
        sources,
        reply,
        `There is no batch named ${quoteName(name)}: "rivya-batch status" lists them.`,
      );
    const { atMs } = await watch.look();
    const why = await failures.read(batch.meta, atMs);
    const [deeds, history] = await ledgers.inTime(() =>
      Promise.all([
        ledgers.batch(name).deeds.latest(),
        readHistoryOf(ledgers, batch.meta, { span, atMs }),
      ]),
    );
    const results = await readLatest(batch.meta);
    return send(reply, batchPage(batch, why, { atMs, results, steering, deeds, history }));
  });
  server.get('/brief', async (request, reply) => {
    const { batch, id } = asked(briefQuery, request.query);
    const meta = await ledgers.inTime(() => ledgers.batch(batch).meta());
    const story = meta && (await readStory(ledgers, sources.queues, { meta, id }));
    if (!story) return notFound(sources, reply, `There is no brief ${id} in batch ${batch}.`);
    return send(reply, briefPage(story, steering, ledgers.clock.now()));
  });
  server.get('/find', async (request, reply) => {
    const query = asked(findQuery, request.query);
    const { known } = await watch.look();
    const among = query.batch ? known.filter(({ name }) => name === query.batch) : known;
    const isAsked = Object.values(query).some((value) => value !== '');
    const findings = isAsked ? await findBriefs(ledgers, among, query) : null;
    return send(reply, findPage(query, known, findings, ledgers.clock.now()));
  });
  server.get('/metrics', async (_request, reply) => {
    const { type, text } = await writeMetrics(watch);
    return reply.type(type).send(text);
  });
  await addAssets(server);
}

/** By account. */
async function readHistories(
  { redis, prefix }: Ledgers,
  { accounts, atMs }: Overview,
  span: HistorySpan,
): Promise<Map<string, HistorySeries>> {
  const read = accounts.map(async ({ account }) => {
    const key = accountKeys(prefix, account).history;
    return [account, await readHistory(redis, key, { span, untilMs: atMs })] as const;
  });
  return new Map(await Promise.all(read));
}

/** Longer than a process takes to tell the last of it. */
const toldWithinMs = 15_000;

/** Of a batch, until its end where it has one; where nobody says how far back, as far as its last run goes. */
async function readHistoryOf(
  { redis, prefix }: Ledgers,
  meta: BatchMeta,
  { span, atMs }: { span: HistorySpan | undefined; atMs: number },
): Promise<Pick<ShownHistory, 'series' | 'endedMs'>> {
  const { name, runs, createdAt, endedAt } = meta;
  const endedMs =
    isFinalized(meta) && endedAt !== null ? Math.min(atMs, endedAt + toldWithinMs) : null;
  const untilMs = endedMs ?? atMs;
  const series = await readHistory(redis, batchKeys(prefix, name).history, {
    span: span ?? spanFor(untilMs - (runs.at(-1)?.atMs ?? createdAt)),
    ...{ untilMs, sinceMs: createdAt },
  });
  return { series, endedMs };
}

/** An address that lacks what its page needs; not to be taken for a record that cannot be read. */
class AddressError extends Error {
  readonly statusCode = 400;
}

function asked<Query>(schema: z.ZodType<Query>, query: unknown): Query {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  throw new AddressError('This address is not complete.');
}

function send(reply: FastifyReply, page: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(page);
}

function notFound({ ledgers }: PageSources, reply: FastifyReply, text: string): FastifyReply {
  const trouble = { title: 'Not found', text, live: 'still' } as const;
  return send(reply.code(404), troublePage(trouble, ledgers.clock.now()));
}

const assets = {
  'style.css': 'text/css; charset=utf-8',
  'live.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

async function addAssets(server: FastifyInstance): Promise<void> {
  for (const [name, type] of Object.entries(assets)) {
    const content = await readFile(new URL(`./pages/assets/${name}`, import.meta.url), 'utf8');
    server.get(`/assets/${name}`, async (_request, reply) => reply.type(type).send(content));
  }
}
