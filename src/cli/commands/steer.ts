import { type Command, Option } from 'commander';
import { cancelledSentence } from '../../batch/continue-batch.js';
import { type CancelCounts, surveyUnderWay, type UnderWay } from '../../batch/end-batch.js';
import { cancelBatch, pauseBatch, resumeBatch } from '../../batch/steer.js';
import { type BatchMeta, leftOf } from '../../ledger/batch-meta.js';
import type { Doer } from '../../ledger/deeds.js';
import { userOfMachine } from '../../session/environment.js';
import { openMessenger, tellBeforeEnd } from '../../session/messenger-session.js';
import { openStoreSession, type StoreSession } from '../../session/store-session.js';
import { ExitCode } from '../../shared/errors.js';
import { counted, formatCredits } from '../../shared/quantities.js';
import { addJsonFlag, addYesFlag, twin } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { confirm } from '../text/agree.js';
import { openLogger } from '../text/open-logger.js';

export function addPauseCommand(program: Command, setup: CommandSetup): void {
  addBatchCommand(program, setup, {
    name: 'pause',
    steer: pause,
  });
}

async function pause(session: StoreSession, { ledger, meta }: FoundBatch): Promise<Steered> {
  const became = await pauseBatch(storeOf(session), { ledger, by: personHere() }, meta);
  return {
    json: { paused: became === 'paused' || became === 'was_paused', pending: leftOf(meta) },
    text: afterPauseText(meta, became),
  };
}

function afterPauseText(meta: BatchMeta, became: Awaited<ReturnType<typeof pauseBatch>>): string {
  const { name } = meta;
  switch (became) {
    case 'cancelled':
      return `Batch ${name} is cancelled: its briefs are not submitted anyway.`;
    case 'finished':
      return `Batch ${name} is finished: there is nothing to pause.`;
    case 'paused':
    case 'was_paused':
      return pausedText(meta);
    default:
      return became satisfies never;
  }
}

function pausedText(meta: BatchMeta): string {
  const { name } = meta;
  return `Batch ${name} is paused: nothing is submitted until "rivya-batch resume ${name}". What was submitted is watched and collected. Briefs without a result yet: ${leftOf(meta)}.`;
}

export function addResumeCommand(program: Command, setup: CommandSetup): void {
  addBatchCommand(program, setup, {
    name: 'resume',
    steer: resume,
  });
}

async function resume(session: StoreSession, { ledger, meta }: FoundBatch): Promise<Steered> {
  const { pending } = meta;
  const became = await resumeBatch(storeOf(session), { ledger, by: personHere() });
  const wasPaused = became === 'resumed';
  return {
    json: { paused: false, was_paused: wasPaused, pending },
    text: resumedText(meta, wasPaused),
  };
}

function resumedText({ name, stage, pending }: BatchMeta, wasPaused: boolean): string {
  if (stage === 'cancelled') return cancelledSentence(name);
  return wasPaused
    ? `Batch ${name} goes on. Briefs without a result yet: ${pending}.`
    : `Batch ${name} was not paused.`;
}

interface CancelFlags {
  abandon: boolean;
  yes: boolean;
  json: boolean;
}

export function addCancelCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('cancel')
    .argument('<batch>')
    .addOption(
      twin(
        new Option('--abandon', 'also give up what was submitted, and lose what it cost'),
      ).default(false),
    );
  addYesFlag(command);
  addJsonFlag(command);
  command.action((batch: string, flags: CancelFlags) =>
    setup.run(() => cancel(setup, batch, flags)),
  );
}

async function cancel(setup: CommandSetup, batch: string, flags: CancelFlags): Promise<ExitCode> {
  const { settings, terminal } = setup;
  const session = await openStoreSession(settings, terminal);
  try {
    const found = await session.findBatch(batch);
    const lost = flags.abandon ? await surveyUnderWay(found.ledger) : null;
    if (lost && lost.tasks + lost.inDoubt > 0 && !flags.yes) {
      terminal.note(lossText(lost));
      if ((await confirm('Abandon them?')) === 'no') {
        terminal.note('Nothing was changed.');
        return ExitCode.interrupted;
      }
    }
    const mode = flags.abandon ? 'abandon' : 'collect';
    const counts = await cancelBatch(
      { ...storeOf(session), clock: session.clock, places: settings },
      { ledger: found.ledger, by: personHere() },
      mode,
    );
    if (counts === 'was_finished') {
      if (flags.json) terminal.json({ batch, cancelled: 0, abandoned: 0, pending: 0 });
      else terminal.print(`Batch ${batch} is finished: there is nothing to cancel.`);
      return ExitCode.succeeded;
    }
    const meta = (await found.ledger.meta()) ?? found.meta;
    if (flags.json) terminal.json({ batch, ...counts, pending: leftOf(meta) });
    else terminal.print(endText(meta, counts));
    const messenger = openMessenger(session, found.account, openLogger('silent'));
    await tellBeforeEnd(messenger, { account: found.account, batch }, terminal);
    return ExitCode.succeeded;
  } finally {
    await session.close();
  }
}

function lossText({ tasks, inDoubt, credits }: UnderWay): string {
  const parts = [`${counted(tasks, 'task')} under way`];
  if (inDoubt > 0) parts.push(`${inDoubt} of which it is not known yet whether they were accepted`);
  return `This gives up ${parts.join(' and ')}: ${formatCredits(credits)}, charged all the same. Without --abandon the results are collected.`;
}

function endText({ name, pending }: BatchMeta, { cancelled, abandoned }: CancelCounts): string {
  const sentences = [
    `Batch ${name} is cancelled. Briefs that will not be submitted: ${cancelled}.`,
  ];
  if (abandoned > 0) sentences.push(`Submitted, and given up: ${abandoned}.`);
  if (pending > 0) {
    sentences.push(
      `Submitted (or perhaps submitted), and still to be collected: ${pending}. The same run command does that, or "rivya-batch worker".`,
    );
  }
  sentences.push(`To undo this: rivya-batch retry ${name} --status cancelled`);
  return sentences.join('\n');
}

export type FoundBatch = Awaited<ReturnType<StoreSession['findBatch']>>;

/** What a command that steers one batch did, for programs and for people. */
export interface Steered {
  json: Record<string, unknown>;
  text: string;
}

/** A command with one batch and `--json`, and nothing else to say. */
export function addBatchCommand(
  program: Command,
  setup: CommandSetup,
  spec: {
    name: string;
    steer(session: StoreSession, found: FoundBatch): Promise<Steered>;
  },
): void {
  const command = program.command(spec.name).argument('<batch>');
  addJsonFlag(command);
  command.action((batch: string, flags: { json: boolean }) =>
    setup.run(async () => {
      const session = await openStoreSession(setup.settings, setup.terminal);
      try {
        const { json, text } = await spec.steer(session, await session.findBatch(batch));
        if (flags.json) setup.terminal.json({ batch, ...json });
        else setup.terminal.print(text);
        return ExitCode.succeeded;
      } finally {
        await session.close();
      }
    }),
  );
}

/** Who has typed this. */
export function personHere(): Doer {
  return { name: userOfMachine(), from: 'command line' };
}

function storeOf({ connection: redis, settings: { prefix } }: StoreSession) {
  return { redis, prefix };
}
