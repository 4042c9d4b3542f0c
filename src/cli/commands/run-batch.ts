import { announceApproval, announceStandstill } from '../../batch/announce.js';
import { type Comparison, withoutFinished } from '../../batch/compare.js';
import {
  admitBatch,
  beginBatch,
  cancelledSentence,
  openBatch,
} from '../../batch/continue-batch.js';
import { writeReport } from '../../batch/end-batch.js';
import { journalHeader } from '../../batch/open-batch.js';
import { highWaterOf, queueMemory, refuseTooLarge } from '../../batch/queue-memory.js';
import { awaitedApprovals } from '../../batch/steps.js';
import { type Forecast, forecastInput } from '../../forecast/credits.js';
import type { Plan } from '../../forecast/plan.js';
import { typicalInputMs } from '../../forecast/time.js';
import { DurationLedger } from '../../ledger/durations.js';
import { mirrorAt, publish } from '../../results/mirror.js';
import { ownerOf } from '../../results/output-folder.js';
import type { RivyaClient } from '../../rivya/client.js';
import { openMessenger, tellBeforeEnd } from '../../session/messenger-session.js';
import { openClient } from '../../session/open-client.js';
import { batchContext, openAccount, openStoreSession } from '../../session/store-session.js';
import { tidyUp } from '../../session/tidy.js';
import { openWorker } from '../../session/worker-session.js';
import { ExitCode } from '../../shared/errors.js';
import { counted } from '../../shared/quantities.js';
import { queueStages } from '../../shared/queue-names.js';
import { StageQueues } from '../../shared/queues.js';
import { isSimulated } from '../../shared/simulated.js';
import { followFolder } from '../../worker/follow-folder.js';
import { refuseSecondName } from '../options/choose-batch.js';
import type { CommandSetup } from '../setup.js';
import { Interrupts } from '../text/interrupts.js';
import { openLogger } from '../text/open-logger.js';
import { planLines, watchedText } from '../text/print-plan.js';
import { simulatedText } from '../text/simulate.js';
import { noticeTeller } from '../text/tell-notice.js';
import { agreeToFresh, askFirst, planRun } from './plan-run.js';
import { batchRequest, type RunRequest, type Work } from './run-request.js';
import { printSummary, type RunOutcome, readBalance } from './summary.js';
import { refuseOtherWork, tellTrial } from './trial.js';
import { type RunEnd, watchRun } from './watch-run.js';

/** On Ctrl+C, what is under way has so long to finish before it is left to the next run. */
const stopWithinMs = 10_000;

/** Batches of long ago that a run clears out of Redis before it ends: more of them are left to the next. */
const mostTidied = 5;

/** Runs a checked input to its end, or as far as it gets, and says how it ended. */
export async function runBatch(setup: CommandSetup, request: RunRequest): Promise<ExitCode> {
  const session = await openStoreSession(setup.settings, setup.terminal);
  const client = openClient(setup.settings);
  const interrupts = new Interrupts();
  const account = openAccount(session);
  // What could not be notified is said at the end.
  const level = request.flags.logLevel === 'debug' ? 'debug' : 'silent';
  const messenger = openMessenger(session, account, openLogger(level));
  try {
    const fresh = await agreeToFresh(setup.terminal, session, request);
    const flags = fresh === 'yes' ? { ...request.flags, yes: true } : request.flags;
    const work = { request: { ...request, flags }, session, messenger, interrupts };
    const ended = fresh === 'no' ? 'not_wanted' : await workToTheEnd(setup, work, client);
    if (ended === 'not_wanted') {
      setup.terminal.note(
        'Nothing was sent. The same command asks again; with --yes it does not ask.',
      );
      return ExitCode.interrupted;
    }
    const { opened } = ended;
    const trial = await tellTrial(setup, { request, opened });
    const code = await printSummary(setup, { ...ended, trial, json: request.flags.json });
    if (ended.end !== 'interrupted') {
      await tellBeforeEnd(messenger, { account, batch: request.batch }, setup.terminal);
      // Where no worker runs, nobody else does it; what fails is done by the next.
      await tidyUp(session, { most: mostTidied, stopping: interrupts.signal }).catch(
        () => undefined,
      );
    }
    return code;
  } finally {
    await messenger.close();
    interrupts.end();
    await client.close();
    await session.close();
  }
}

type RunEnded = Pick<RunOutcome, 'opened' | 'end' | 'audit' | 'left' | 'plan'>;

/** Once what is under way with its earlier content is made, it is made again with what the input says now. */
async function workToTheEnd(
  setup: CommandSetup,
  { request, session, messenger, interrupts }: Omit<Work, 'opened'>,
  client: RivyaClient,
): Promise<RunEnded | 'not_wanted'> {
  await refuseSecondName(session, request);
  const context = batchContext(session, openAccount(session), request.models);
  const opened = await openBatch(context, batchRequest(request, 'made'));
  if (opened.news === 'none') {
    return { opened, end: 'finished', audit: null, left: null, plan: null };
  }
  const worked = await planAndWork(
    setup,
    { request, session, opened, messenger, interrupts },
    client,
  );
  if (worked === 'not_wanted') return worked;
  if (worked.end !== 'finished' || opened.comparison.underWay.count === 0) return worked;
  // A fresh or forced start has been made: a second one would pay for everything once more.
  const flags = { ...request.flags, fresh: false, force: false, continues: false, yes: true };
  const again = { request: { ...request, flags }, session, messenger, interrupts };
  const last = await workToTheEnd(setup, again, client);
  if (last === 'not_wanted') return last;
  const { gone, undecided } = last.opened.comparison;
  const comparison = { ...opened.comparison, gone, undecided };
  return { ...last, plan: worked.plan, opened: { ...last.opened, comparison } };
}

async function planAndWork(
  setup: CommandSetup,
  work: Work,
  client: RivyaClient,
): Promise<RunEnded | 'not_wanted'> {
  const { opened, request } = work;
  const { meta, ledger } = opened;
  const { account, clock } = opened.context;
  await refuseOtherWork(work);
  const before = { meta, balance: await readBalance(client, account) };
  // An earlier run had none: with --no-wait, this one would be over before anybody looked again.
  if ((before.balance ?? 0) > 0) await account.unpark();
  const plan = await tellPlan(setup, work, before.balance);
  if (plan !== null && (await askFirst(plan, opened, request.flags)) === 'stop') {
    // A batch that nothing was ever put into is no batch yet; another command may have begun it beside the question.
    await ledger.dropUnused();
    // Tasks that are looked at again have left the manifest: its report must not state them any more (S4).
    if (opened.reread > 0) await writeReport(ledger, request.out, clock);
    return 'not_wanted';
  }
  const { changed, forced } = opened.comparison;
  // These are opened again at once: their lines leave the manifest together.
  await refuseTooLarge(opened, await queueMemory(opened, changed + forced));
  await beginBatch(opened);
  const { end, underWay } = await drive(setup, work, client);
  const balance = end === 'interrupted' ? null : await readBalance(client, account);
  const now = await ledger.meta();
  if (now !== null && end === 'approval') {
    await announceApproval(ledger, now, await awaitedApprovals(ledger), clock.now());
  }
  if (now !== null && end !== 'finished' && end !== 'interrupted' && end !== 'approval') {
    await announceStandstill(ledger, now, end, { when: 'at_once', nowMs: clock.now() });
  }
  const left = end === 'capped' ? await forecastLeft(work) : null;
  const comparison = { ...opened.comparison, underWay };
  const audit = now && { before, after: { meta: now, balance } };
  return { opened: { ...opened, comparison }, end, audit, left, plan };
}

interface Driven {
  end: RunEnd;
  /** As it was found last: a Redis that goes back has begun to make what it had not when the run was planned. */
  underWay: Comparison['underWay'];
}

/** Works until the batch is finished or has to stop. */
async function drive(
  setup: CommandSetup,
  { request, session, opened, messenger, interrupts }: Work,
  client: RivyaClient,
): Promise<Driven> {
  const { context, ledger, meta } = opened;
  const { account, clock } = context;
  const { flags, out, input, models } = request;
  const { terminal, settings } = setup;
  const log = openLogger(flags.logLevel);
  const { worker, close } = await openWorker({
    ...{ session, account, client, stages: queueStages, limits: flags, log, models },
  });
  const queues = new StageQueues(session.connection, settings.prefix, ledger.batch);
  const leaving = new AbortController();
  let following = Promise.resolve();
  try {
    messenger.start(worker.news);
    const notify = noticeTeller(terminal, settings.origin, clock.now);
    const header = journalHeader(meta);
    const lines = opened.folder === '' ? 'elsewhere' : 'here';
    await worker.attach(header, { folder: out, lines }, notify);
    if (lines === 'elsewhere') {
      terminal.note('Another machine writes the results: this one shares the work.');
      const taking = { worker, header, ledger, queues, folder: out, notify };
      following = followFolder(taking, leaving.signal);
    }
    const durations = new DurationLedger(session.connection, account.keys);
    const taskMs = await typicalInputMs(durations, input.modelUse);
    const highWater = await highWaterOf(opened, settings.highWater);
    // Nothing is awaited between here and the watch: an admission that fails must not count as unheard.
    const admitting = admitBatch(opened, queues, {
      stopping: interrupts.signal,
      unwaiting: leaving.signal,
      highWater,
    });
    const loss = () => worker.lossOf(ledger.batch);
    const watching = {
      opened,
      flags,
      loss,
      onActivity: (listener: () => void) => worker.onActivity(listener),
      terminal,
      notify,
      interrupts,
      admitting,
      leave: () => leaving.abort(),
      highWater,
      queues,
      taskMs,
    };
    const end = await watchRun(watching);
    // Else it may go on waiting for room.
    const last = end === 'finished' ? (await admitting).opened : opened;
    return { end, underWay: last.comparison.underWay };
  } finally {
    leaving.abort();
    terminal.progress('');
    await following;
    const writesLines = worker.writesLines(ledger.batch);
    await close(stopWithinMs);
    await queues.close();
    // What another machine has written is here as well from now on.
    if (!writesLines) await (await mirrorAt(out))?.fetch();
    // Where the folder was moved away, none is made in its place.
    else if ((await ownerOf(out)) === ledger.batch) {
      await writeReport(ledger, out, clock);
      await publish(out);
    }
  }
}

async function forecastLeft({ request, opened }: Work): Promise<Forecast> {
  const { models, input } = request;
  const learned = await opened.context.account.prices();
  const left = withoutFinished(opened.ledger, input.briefs());
  return forecastInput(left, models, null, learned);
}

/** The first lines of a run: what it will do and cost as far as can be said; null where there is nothing to make. */
async function tellPlan(
  { terminal }: CommandSetup,
  { request, opened }: Work,
  wallet: number | null,
): Promise<Plan | null> {
  const { reread, meta } = opened;
  if (isSimulated(meta)) terminal.note(simulatedText);
  if (reread > 0) {
    terminal.note(`${counted(reread, 'task')} checked again, which costs nothing.`);
  }
  if (meta.stage === 'cancelled') {
    terminal.warn(`${cancelledSentence(meta.name)}. What was submitted is collected.`);
    return null;
  }
  const plan = await planRun(opened, request, wallet);
  if (plan.forecast.briefs === 0) {
    if (plan.watched > 0)
      terminal.note(`There is nothing left to send. Sent ${watchedText(plan.watched)}.`);
    return null;
  }
  for (const line of planLines(plan, terminal.width)) terminal.note(line);
  return plan;
}
