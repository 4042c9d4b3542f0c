import { type Command, Option } from 'commander';
import { requireResults } from '../../../results/output-folder.js';
import { openOutput } from '../../../results/output-places.js';
import { BatchError, type ExitCode } from '../../../shared/errors.js';
import {
  addJsonFlag,
  addYesFlag,
  pathOnDisk,
  placeOfResults,
  twin,
  wholeNumber,
} from '../../options/flags.js';
import type { CommandSetup } from '../../setup.js';
import type { ApplyFlags } from './apply.js';
import type { ServeFlags } from './serve.js';

type ReviewFlags = ServeFlags & ApplyFlags & { take?: string; apply: boolean };

const reviewHelp = `Without --take or --apply it serves a page to look and to decide on, until
Ctrl+C.

The printed address holds a token that lets its reader in; with MONITOR_PASSWORD
set, that user and password do so as well.`;

export function addReviewCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('review')
    .argument('<folder>', 'what --out named', placeOfResults)
    .description(reviewHelp)
    .addOption(
      new Option('--host <address>', 'address to listen on')
        .env('RIVYA_BATCH_REVIEW_HOST')
        .default('127.0.0.1'),
    )
    .addOption(
      new Option('--port <n>', 'port to listen on; 0 for a free one')
        .env('RIVYA_BATCH_REVIEW_PORT')
        .argParser(wholeNumber(0))
        .default(3021),
    )
    // Without an environment twin: a file is taken, and decisions are applied, when somebody says so.
    .addOption(
      new Option('--take <file>', 'take over the decisions of a file').argParser(pathOnDisk),
    )
    .addOption(
      new Option(
        '--apply',
        'hand over what is approved, open what is to be made again; files stand in approved/, and the price is told first',
      ).default(false),
    )
    .addOption(
      // Not the twin of --name of a run: that names the files of a batch that is made.
      new Option(
        '--name <template>',
        'names of the approved files; {{n}} numbers those of one name (default: as --name of the run had it, else the ids)',
      ).env('RIVYA_BATCH_REVIEW_NAME'),
    )
    .addOption(
      twin(
        new Option(
          '--as <kind>',
          'what stands in approved/; links save space, and whoever edits one edits the result',
        )
          .choices(['copies', 'links'])
          .default('copies'),
      ),
    )
    .addOption(
      twin(
        new Option(
          '--deliver <profile>',
          "approved pictures made to measure: size, fit, background; such as 'size=2000x2000,fit=contain,background=#fff,format=jpeg'",
        ),
      ),
    );
  addYesFlag(command);
  addJsonFlag(command);
  command.action((folder: string, flags: ReviewFlags) =>
    setup.run(async () => review(setup, (await openOutput(setup.settings, folder)).folder, flags)),
  );
}

async function review(
  setup: CommandSetup,
  folder: string,
  { take: file, apply, ...flags }: ReviewFlags,
): Promise<ExitCode> {
  if (file !== undefined && apply) {
    throw new BatchError('usage', 'Give --take or --apply, one after the other.');
  }
  await requireResults(folder);
  // Each is loaded when it is asked for: one needs a server, another pictures, another Redis.
  if (file !== undefined) {
    const { take } = await import('./take.js');
    return take(setup, folder, { take: file, json: flags.json });
  }
  if (apply) return (await import('./apply.js')).apply(setup, folder, flags);
  return (await import('./serve.js')).serve(setup, folder, flags);
}
