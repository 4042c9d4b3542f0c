import type { Command } from 'commander';
import { atOnce } from '../../batch/admit.js';
import { withQueues } from '../../batch/batch-context.js';
import { toQueue } from '../../batch/compare.js';
import {
  admitBatch,
  beginBatch,
  type OpenedBatch,
  openBatch,
  refuseCancelled,
} from '../../batch/continue-batch.js';
import { type QueueMemory, queueMemory, refuseTooLarge } from '../../batch/queue-memory.js';
import { leftOf } from '../../ledger/batch-meta.js';
import { claimOutputFolder } from '../../results/output-folder.js';
import { openOutput } from '../../results/output-places.js';
import { tellModelList } from '../../session/model-list.js';
import { batchContext, openAccount, openStoreSession } from '../../session/store-session.js';
import { ExitCode } from '../../shared/errors.js';
import { counted, formatBytes, grouped } from '../../shared/quantities.js';
import { chooseBatch, refuseSecondName } from '../options/choose-batch.js';
import { compileFromFlags, rejectedFileIn, reportRejections } from '../options/compile.js';
import {
  addForceFlag,
  addInputFlags,
  addJsonFlag,
  addNotifyFlags,
  addOutFlag,
  addPriorityFlag,
  addRejectedFlag,
  type ForceFlags,
  type InputFlags,
  inputArgument,
  type NotifyFlags,
  type PriorityFlags,
  requireFiles,
  webhookOf,
} from '../options/flags.js';
import {
  continueLine,
  hideSecrets,
  keepCommand,
  recordOptions,
  type TypedCommand,
} from '../options/kept-command.js';
import { applyRecipe } from '../options/recipe.js';
import type { CommandSetup } from '../setup.js';
import { agreeToForce } from '../text/agree.js';
import { Interrupts } from '../text/interrupts.js';
import { comparisonJson, comparisonText, leftAsTheyAre, warningLines } from '../text/sentences.js';
import type { Terminal } from '../text/terminal.js';
import { batchRequest, type InputRequest } from './run-request.js';

interface EnqueueFlags extends InputFlags, ForceFlags, PriorityFlags, NotifyFlags {
  out?: string;
  rejected?: string;
  json: boolean;
}

export function addEnqueueCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('enqueue').argument('[file...]', inputArgument);
  addOutFlag(command, "folder of the results (default: the worker's own)");
  addInputFlags(command);
  addForceFlag(command);
  addNotifyFlags(command);
  addPriorityFlag(command);
  addRejectedFlag(command);
  addJsonFlag(command);
  const options = recordOptions(command);
  command.action((typedFiles: string[]) =>
    setup.run(() => {
      const files = requireFiles(applyRecipe(command, typedFiles));
      const given = { name: 'enqueue', options: options(), typedFiles } as const;
      return enqueue(hideSecrets(setup, typedFiles), files, {
        ...command.opts<EnqueueFlags>(),
        given,
      });
    }),
  );
}

async function enqueue(
  setup: CommandSetup,
  files: string[],
  flags: EnqueueFlags & { given: TypedCommand },
): Promise<ExitCode> {
  const { terminal, settings } = setup;
  const webhook = webhookOf(flags, settings);
  const out = flags.out ? (await openOutput(settings, flags.out)).folder : '';
  const chosen = await chooseBatch(flags.batch, out, files);
  const { batch } = chosen;
  const command = await keepCommand({ ...flags.given, files, batch, out });
  const list = await tellModelList(settings, terminal);
  const input = await compileFromFlags(files, flags, { settings, list });
  try {
    if (out) await claimOutputFolder(out, batch);
    const invalid = flags.skipInvalid ? 'skip' : 'refuse';
    await reportRejections(
      input,
      terminal,
      flags.rejected ?? (out ? rejectedFileIn(out) : null),
      invalid,
    );
    for (const line of warningLines(input.warnings)) terminal.warn(line);
    return await admit(setup, {
      input,
      ...chosen,
      out,
      files,
      command,
      webhook,
      flags,
      models: list.models,
    });
  } finally {
    await input.dispose();
  }
}

interface Admission extends InputRequest {
  flags: EnqueueFlags;
}

async function admit(setup: CommandSetup, request: Admission): Promise<ExitCode> {
  const { terminal, settings } = setup;
  const { batch, flags } = request;
  const session = await openStoreSession(settings, terminal);
  const interrupts = new Interrupts();
  try {
    await refuseSecondName(session, request);
    const context = batchContext(session, openAccount(session), request.models);
    const opened = await openBatch(context, batchRequest(request, 'made_when_idle'));
    const { ledger, news, comparison } = opened;
    refuseCancelled(opened.meta);
    const changes = comparisonText(comparison);
    if (changes !== null) terminal.note(`Compared with batch ${batch}: ${changes}.`);
    if (flags.force) await agreeToForce(terminal, opened, request);
    const memory = news === 'some' ? await queueMemory(opened, toQueue(comparison)) : null;
    if (memory !== null) {
      await refuseTooLarge(opened, memory);
      if (memory.briefs > 0) terminal.note(memoryText(memory));
      await beginBatch(opened);
      const { admitted } = await withQueues(context, batch, (queues) =>
        admitBatch(opened, queues, atOnce(interrupts.signal)),
      );
      if (admitted === 'stopped') {
        const meta = (await ledger.meta()) ?? opened.meta;
        terminal.print(`Stopped; to queue the rest:\n  ${continueLine(setup, meta)}`);
        return ExitCode.interrupted;
      }
    }
    await tellQueued(terminal, opened, memory, request);
    return ExitCode.succeeded;
  } finally {
    interrupts.end();
    await session.close();
  }
}

function memoryText({ briefs, neededBytes, freeBytes }: QueueMemory): string {
  const free = freeBytes === null ? '' : `; ${formatBytes(freeBytes)} are free`;
  return `Queueing ${counted(briefs, 'brief')} takes about ${formatBytes(neededBytes)} of Redis' memory${free}.`;
}

async function tellQueued(
  terminal: Terminal,
  { ledger, comparison }: OpenedBatch,
  memory: QueueMemory | null,
  { input, batch, flags }: Admission,
): Promise<void> {
  const meta = await ledger.meta();
  const { briefs, rejected, duplicates } = input.counts;
  const pending = meta === null ? 0 : leftOf(meta);
  if (flags.json) {
    const compared = comparisonJson(comparison);
    const { warnings } = input;
    const queued = { batch, briefs, rejected, duplicates, pending, compared, warnings };
    const bytes = { needed: memory?.neededBytes ?? 0, free: memory?.freeBytes ?? null };
    terminal.json({ ...queued, memory: bytes });
  } else {
    terminal.print(
      `Batch ${batch}: ${counted(briefs, 'brief')} queued or known, ${grouped(pending)} without a result yet.`,
    );
    for (const sentence of leftAsTheyAre(comparison)) terminal.print(sentence);
    terminal.print('They are made wherever "rivya-batch worker" runs with the same Redis and key.');
  }
}
