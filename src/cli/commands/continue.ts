import { Command } from 'commander';
import type { BatchMeta, KeptCommand } from '../../ledger/batch-meta.js';
import { openStoreSession } from '../../session/store-session.js';
import { BatchError, type ExitCode } from '../../shared/errors.js';
import { shellWord } from '../../shared/quantities.js';
import { withoutWebhook, wordsOf } from '../options/kept-command.js';
import type { CommandSetup } from '../setup.js';
import { addEnqueueCommand } from './enqueue.js';
import { addRunCommand } from './run.js';

export function addContinueCommand(program: Command, setup: CommandSetup): void {
  program
    .command('continue')
    .argument('<batch>')
    .argument(
      '[options...]',
      'of that command, in place of those it had, such as --max-credits 500',
    )
    .allowUnknownOption()
    .action((batch: string, typed: string[]) =>
      setup.run(async () => {
        const meta = await readMeta(setup, batch);
        const kept = keptOf(setup, meta);
        return giveAgain(setup, kept, typed);
      }),
    );
}

async function readMeta(setup: CommandSetup, batch: string): Promise<BatchMeta> {
  const session = await openStoreSession(setup.settings, setup.terminal);
  try {
    return (await session.findBatch(batch)).meta;
  } finally {
    await session.close();
  }
}

type Kept = Extract<KeptCommand, { kind: 'kept' }>;

/** @throws BatchError `bad_input` where there is no command to be given again */
export function keptOf({ program }: CommandSetup, { name, command }: BatchMeta): Kept {
  const why = whyNotKept(command);
  if (why === null) return command as Kept;
  throw new BatchError(
    'bad_input',
    `${why}, so type the command of batch ${name} again. What is queued already is made by: ${program} worker`,
  );
}

function whyNotKept(command: KeptCommand | null): string | null {
  if (command === null) return 'This batch was started by a schedule or by an earlier version';
  if (command.kind === 'kept') return null;
  switch (command.why) {
    case 'read_once':
      return 'The input came from a pipe (stdin), which cannot be read again';
    case 'secret':
      return 'The command had a secret in it, and secrets are not saved';
    default:
      return command.why satisfies never;
  }
}

/** Gives a kept command as if it had been typed, without the environment's twins: it has the options that it had. */
export async function giveAgain(
  setup: CommandSetup,
  kept: Kept,
  typed: readonly string[],
): Promise<ExitCode> {
  let code: ExitCode | undefined;
  const inner: CommandSetup = {
    ...setup,
    run: async (action) => {
      code = await action();
    },
  };
  refuseFiles(kept, setup, typed);
  const { program, command } = commandOf(kept, inner);
  command.setOptionValueWithSource('continues', true, 'default');
  const words = [kept.name, ...wordsOf(kept, typed)];
  setup.terminal.note(
    `Again:\n  ${[setup.program, ...withoutWebhook(words).map(shellWord)].join(' ')}`,
  );
  await program.parseAsync(words, { from: 'user' });
  if (code === undefined)
    throw new BatchError(
      'internal',
      'The saved command failed: type the command of the batch again.',
    );
  return code;
}

function commandOf({ name }: Kept, setup: CommandSetup): { program: Command; command: Command } {
  const program = new Command('rivya-batch').exitOverride();
  if (name === 'run') addRunCommand(program, setup);
  else addEnqueueCommand(program, setup);
  const [command] = program.commands;
  if (command === undefined) throw new BatchError('internal', 'There is no command to continue.');
  for (const option of command.options) delete option.envVar;
  return { program, command };
}

/** A file more would be another input. @throws BatchError `usage` */
function refuseFiles(kept: Kept, setup: CommandSetup, typed: readonly string[]): void {
  const { operands } = commandOf(kept, setup).command.parseOptions([...typed]);
  if (operands.length === 0) return;
  throw new BatchError(
    'usage',
    `The batch has its own input: ${operands.map(shellWord).join(' ')} does not belong here; leave it out.`,
  );
}
