import { admitInput } from '../producer/admit-input.js';
import { withoutFinished } from '../producer/compare-with-batch.js';
import type { CompiledInput } from '../producer/compile-input.js';
import type { Forecast } from '../producer/forecast-credits.js';
import { journalHeader } from '../producer/open-life.js';
import type { ExitCode } from '../shared/errors.js';
import { counted } from '../shared/quantities.js';
import { queueStages, StageQueues } from '../shared/queues.js';
import { writeReport } from '../worker/finalize-batch.js';
import { type Audit, readBalance } from './audit-credits.js';
import { cancelledSentence } from './cancelled-batch.js';
import type { CommandSetup } from './command-setup.js';
import { unknownModels } from './compile.js';
import type { InputFlags, LogFlags, RequestFlags } from './flags.js';
import type { ForceFlags } from './force-flag.js';
import { forecastInput, forecastSentences } from './forecast.js';
import { Interrupts } from './interrupts.js';
import { openRunBatch, type RunBatch } from './open-run-batch.js';
import { printSummary } from './print-summary.js';
import { openClient, openLogger, openStoreSession, type StoreSession } from './session.js';
import { noticeTeller } from './tell-notice.js';
import { typicalInputMs } from './typical-input.js';
import { type RunEnd, watchRun } from './watch-run.js';
import { openWorker } from './worker-session.js';

/** On Ctrl+C, what is under way has so long to finish before it is left to the next run. */
const stopWithinMs = 10_000;

export interface RunRequest {
  input: CompiledInput;
  batch: string;
  out: string;
  files: string[];
  flags: InputFlags & ForceFlags & RequestFlags & LogFlags & { json: boolean; wait: boolean };
}

/** Runs a checked input to its end, or as far as it gets, and says how it ended. */
export async function runBatch(setup: CommandSetup, request: RunRequest): Promise<ExitCode> {
  const session = await openStoreSession(setup.settings, setup.terminal);
  const interrupts = new Interrupts();
  try {
    const { json } = request.flags;
    const { opened, ...ended } = await workToTheEnd(setup, { request, session, interrupts });
    return await printSummary(setup, { opened, ...ended, json });
  } finally {
    interrupts.end();
    await session.close();
  }
}

interface WorkEnd {
  end: RunEnd;
  audit: Audit | null;
  left: Forecast | null;
}

/** Once what is under way with its earlier content is made, it is made again with what the input says now. */
async function workToTheEnd(
  setup: CommandSetup,
  { request, session, interrupts }: Omit<Work, 'opened'> & { session: StoreSession },
): Promise<WorkEnd & { opened: RunBatch }> {
  const opened = await openRunBatch(session, setup.terminal, { ...request, underWay: 'left' });
  if (opened.news === 'none') return { opened, end: 'finished', audit: null, left: null };
  const worked = await work(setup, { request, opened, interrupts });
  if (worked.end !== 'finished' || opened.comparison.underWay.count === 0) {
    return { opened, ...worked };
  }
  // A fresh or forced start has been made: a second one would pay for everything once more.
  const flags = { ...request.flags, fresh: false, force: false };
  const again = { request: { ...request, flags }, session, interrupts };
  const { opened: last, ...ended } = await workToTheEnd(setup, again);
  const { gone, undecided } = last.comparison;
  const comparison = { ...opened.comparison, gone, undecided };
  return { opened: { ...last, comparison }, ...ended };
}

interface Work {
  request: RunRequest;
  opened: RunBatch;
  interrupts: Interrupts;
}

async function work(setup: CommandSetup, { request, opened, interrupts }: Work): Promise<WorkEnd> {
  const { session, ledger, account, meta } = opened;
  const { flags, out, input } = request;
  const { terminal, settings } = setup;
  const client = openClient(settings);
  const log = openLogger(flags.logLevel);
  const stages = queueStages;
  const { worker, close } = await openWorker({ session, account, client, stages, flags, log });
  const queues = new StageQueues(session.connection, settings.prefix, ledger.batch);
  const before = { meta, balance: await readBalance(client, account) };
  await tellStart(setup, { request, opened, wallet: before.balance });
  let end: RunEnd;
  try {
    const notify = noticeTeller(terminal, session.clock.now);
    await worker.attach({ header: journalHeader(meta), out, notify });
    const stopping = interrupts.signal;
    const { journal } = opened;
    const taskMs = await typicalInputMs(opened, input.modelUse);
    // Nothing is awaited between here and the watch: an admission that fails must not count as unheard.
    const { clock } = session;
    const admitting = admitInput({ ledger, queues, clock, stopping, journal }, input);
    const watching = { opened, flags, terminal, notify, interrupts, admitting, queues, taskMs };
    end = await watchRun(watching);
  } finally {
    terminal.progress('');
    await close(stopWithinMs);
    await queues.close();
    await writeReport({ ledger, out, clock: session.clock });
  }
  const balance = end === 'interrupted' ? null : await readBalance(client, account);
  await client.close();
  const now = await ledger.meta();
  const left = end === 'capped' ? await forecastLeft({ opened, request, wallet: null }) : null;
  return { end, audit: now && { before, after: { meta: now, balance } }, left };
}

interface Left {
  request: RunRequest;
  opened: RunBatch;
  wallet: number | null;
}

async function forecastLeft({ request, opened, wallet }: Left): Promise<Forecast> {
  const learned = await opened.account.prices();
  const left = withoutFinished(opened.ledger, request.input.briefs());
  return forecastInput(left, { wallet, learned });
}

/** The first lines of a run: what it will cost as far as can be said, and how far the wallet goes. */
async function tellStart(
  { terminal }: CommandSetup,
  { request, opened, wallet }: Left,
): Promise<void> {
  const { reread, meta } = opened;
  if (reread > 0) {
    terminal.note(`${counted(reread, 'task')} looked at again, for nothing.`);
  }
  if (meta.cancelled) {
    terminal.warn(`${cancelledSentence(meta.name)}. What was submitted is collected.`);
    return;
  }
  const forecast = await forecastLeft({ opened, request, wallet });
  if (forecast.briefs === 0) return;
  for (const sentence of unknownModels(request.input)) terminal.warn(sentence);
  terminal.note(`${counted(forecast.briefs, 'brief')} to make.`);
  for (const sentence of forecastSentences(forecast, wallet)) terminal.note(sentence);
}
