import type { Command } from 'commander';
import { type Forgetting, forgetFinished } from '../../batch/clear-batch.js';
import { type BatchMeta, leftOf, wordsThatGoOn } from '../../ledger/batch-meta.js';
import { batchesKey } from '../../ledger/keys.js';
import { openStoreSession, type StoreSession } from '../../session/store-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { counted } from '../../shared/quantities.js';
import { commandFor } from '../options/kept-command.js';
import type { CommandSetup } from '../setup.js';

export function addForgetCommand(program: Command, setup: CommandSetup): void {
  program
    .command('forget')
    .argument(
      '<batch...>',
      "names, or patterns as in 'nightly@2026-10-*'; * stands for any letters",
    )
    .action((given: string[]) => setup.run(() => forget(setup, given)));
}

/** One after the other, each with what became of it: where one is open, or there is none, the others go all the same. */
async function forget(setup: CommandSetup, given: readonly string[]): Promise<ExitCode> {
  const { terminal, settings } = setup;
  const session = await openStoreSession(settings, terminal);
  try {
    const names = await namedBatches(session, given);
    let kept = 0;
    for (const name of names) {
      const store = { redis: session.connection, prefix: settings.prefix };
      const fault = faultOf(setup, session, name, await forgetFinished(store, name));
      if (fault === null) continue;
      const error = await fault;
      if (names.length === 1) throw error;
      terminal.warn(error.message);
      kept += 1;
    }
    return kept === 0 ? ExitCode.succeeded : ExitCode.badInput;
  } finally {
    await session.close();
  }
}

/** Tells of one that is forgotten; null then. */
function faultOf(
  setup: CommandSetup,
  session: StoreSession,
  name: string,
  forgetting: Forgetting,
): BatchError | Promise<BatchError> | null {
  switch (forgetting.kind) {
    case 'forgotten': {
      const where = forgetting.meta.out || 'their folder';
      setup.terminal.print(`Batch ${name} is forgotten. Its files are still in ${where}.`);
      return null;
    }
    case 'open':
      return unfinished(setup, forgetting.meta);
    case 'unknown':
      return session.findBatch(name).then(
        () =>
          new BatchError(
            'batch_conflict',
            `Batch ${name} was started again meanwhile, so it was not forgotten.`,
          ),
        (error: BatchError) => error,
      );
    default:
      return forgetting satisfies never;
  }
}

/** With what brings it to its end. */
function unfinished(setup: CommandSetup, meta: BatchMeta): BatchError {
  const { name } = meta;
  const ways = [wordsThatGoOn(meta), ['cancel', name]].map((words) => commandFor(setup, words));
  return new BatchError(
    'batch_unfinished',
    `Batch ${name} is not finished (${counted(leftOf(meta), 'brief')} without a result); to forget it would lose paid work. To finish it:\n  ${ways[0]}\nor, to give up what was not submitted yet:\n  ${ways[1]}`,
  );
}

/**
 * The batches that are meant, each once; a pattern stands for all that Redis knows and that are like it.
 * @throws BatchError `batch_not_found` for a pattern that none is like
 */
export async function namedBatches(
  { connection, settings }: StoreSession,
  given: readonly string[],
): Promise<string[]> {
  const names = new Set<string>();
  let known: string[] | null = null;
  for (const name of given) {
    if (!name.includes('*')) {
      names.add(name);
      continue;
    }
    known ??= (await connection.smembers(batchesKey(settings.prefix))).sort();
    const like = known.filter((other) => isLike(other, name));
    if (like.length === 0) {
      throw new BatchError(
        'batch_not_found',
        `No batch has a name like ${name}: "rivya-batch status" lists them.`,
      );
    }
    for (const other of like) names.add(other);
  }
  return [...names];
}

/** A name has no star of its own. */
function isLike(name: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+^${}()|[\]\\?]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'u').test(name);
}
