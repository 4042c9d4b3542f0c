import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { inject, onTestFinished } from 'vitest';
import { DurationLedger } from '../../../src/ledger/durations.js';
import { HistoryLedger } from '../../../src/ledger/history.js';
import { BackgroundThumbnails } from '../../../src/pictures/thumbnails.js';
import { createRivyaClient } from '../../../src/rivya/client.js';
import { createDownloader } from '../../../src/rivya/download.js';
import { machineTime } from '../../../src/shared/clock.js';
import { manifestLineSchema } from '../../../src/shared/manifest-line.js';
import type { QueueStage } from '../../../src/shared/queue-names.js';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { startSimulator } from '../../../src/simulator/start-simulator.js';
import type { Notice } from '../../../src/worker/notices.js';
import { Pacer } from '../../../src/worker/pacing/pacer.js';
import { PollPlanner } from '../../../src/worker/polling/poll-planner.js';
import { dispatch } from '../../../src/worker/stages/dispatch.js';
import { DownloadSlots } from '../../../src/worker/stages/download-slots.js';
import type { Permit, UnsentBrief } from '../../../src/worker/stages/permit.js';
import { shelfAt } from '../../../src/worker/stages/result-shelf.js';
import {
  noSeat,
  type StageContext,
  type StageJob,
  takeUp,
} from '../../../src/worker/stages/step.js';
import { sendBrief } from '../../../src/worker/stages/submit.js';
import { identity, openLedger } from '../../support/ledger.js';

export const log = pino({ level: 'silent' });

const apiKey = 'rvya_sk_test_0123456789abcdef';
const hourMs = 3_600_000;

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A clock that runs like the machine's and can be set ahead, as after a night with the lid closed. */
export class ShiftedClock {
  aheadMs = 0;
  private stoppedAtMs: number | null = null;
  readonly now = () => (this.stoppedAtMs ?? Date.now()) + this.aheadMs;

  /** From here on it moves only by `aheadMs`. */
  stop(): void {
    this.stoppedAtMs = Date.now();
  }
}

export async function simulate(settings: SettingsPatch = {}) {
  const simulator = await startSimulator({
    speed: 'infinity',
    tinyMedia: true,
    durationMs: 0,
    ...settings,
  });
  onTestFinished(() => simulator.close());
  const client = createRivyaClient({
    origin: simulator.origin,
    apiKey,
    // A test that waits for a hanging request is to fail, not to be rescued.
    requestTimeoutMs: hourMs,
  });
  const downloader = createDownloader({
    apiOrigin: simulator.origin,
    maxBytes: 1_000_000,
    idleTimeoutMs: 10_000,
  });
  onTestFinished(async () => {
    await client.close();
    await downloader.close();
  });
  return { simulator, client, downloader };
}

/** One batch with real ledgers, a simulated API over HTTP and a folder: what a stage works with. */
export async function openBench(settings: SettingsPatch = {}, socket = inject('redisSocket')) {
  const opened = await openLedger({ socket });
  const api = await simulate(settings);
  const stopping = new AbortController();
  const clock = new ShiftedClock();
  const notices: Notice[] = [];
  const { account, ledger, batch } = opened;
  // Fast enough that the pace is not what a test waits for; a test of the pace tells another.
  await account.heartbeat('bench', { rate: 1000, inFlight: null });
  const out = await temporaryFolder();
  const context: StageContext = {
    batch,
    nonce: '',
    createdAt: identity.createdAt,
    ledger,
    account,
    journal: null,
    folder: {
      path: out,
      isHere: async () => true,
      comparedOver: () => opened.redis.stream,
    },
    shelf: await shelfAt(out),
    noteFileTrouble: () => undefined,
    client: api.client,
    downloader: api.downloader,
    downloads: new DownloadSlots(4),
    pacer: new Pacer(account, stopping.signal),
    pollPlanner: new PollPlanner({
      durations: new DurationLedger(opened.redis, account.keys),
      clock,
      log,
      random: Math.random,
    }),
    notices: new DurationLedger(opened.redis, { durations: account.keys.notices }),
    history: new HistoryLedger(opened.redis, opened.prefix, account.keys),
    minSize: async () => (await ledger.meta())?.minSize ?? null,
    thumbnails: new BackgroundThumbnails(),
    clock,
    machine: machineTime,
    log,
    notify: (notice) => notices.push(notice),
    stopping: stopping.signal,
    categoryOf: () => 'image',
    priceOf: () => ({ guess: 1, least: 1 }),
    defaultInFlight: 8,
    briefsLeft: () => Number.POSITIVE_INFINITY,
    keyLifeMs: 24 * hourMs,
    fillDraft: () => ({ kind: 'refused', code: 'none', reason: 'no step is expected here' }),
    fetchStored: async () => ({ kind: 'unusable', reason: 'no bucket is expected here' }),
    restoreResults: async () => undefined,
    hearVerdicts: async () => undefined,
  };
  const lines = async () =>
    (await opened.redis.lrange(ledger.keys.outbox, 0, -1)).map((text) =>
      manifestLineSchema.parse(JSON.parse(text)),
    );
  /** What a job's step has in hand. */
  const take = async (job: StageJob) => {
    const taken = await takeUp(context, job, noSeat);
    if (taken.kind === 'elsewhere') throw new Error(`it is elsewhere: ${taken.step.kind}`);
    return taken.brief;
  };
  /** A brief that has leave to be sent. */
  const leave = async (job: StageJob): Promise<[UnsentBrief, Permit]> => {
    const brief = (await take(job)) as UnsentBrief;
    const permit = await opened.begin(job.briefId, { attempt: job.attempt });
    if (permit.kind !== 'go') throw new Error(`no leave to send: ${JSON.stringify(permit)}`);
    return [brief, permit];
  };
  /** The same, sent: what becomes of it then. */
  const send = async (job: StageJob, other: Partial<StageContext> = {}) =>
    sendBrief({ ...context, ...other }, ...(await leave(job)));
  /** What the job of a queue does. */
  const work = (queue: QueueStage, job: StageJob, other: Partial<StageContext> = {}) =>
    dispatch({ ...context, ...other }, queue, job, noSeat);
  return {
    ...{ ...opened, ...api, context, out, stopping, clock, notices, lines },
    ...{ take, leave, send, work },
  };
}

export type Bench = Awaited<ReturnType<typeof openBench>>;
