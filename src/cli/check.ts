import type { Command } from 'commander';
import { Option } from 'commander';
import { writeRejected } from '../producer/rejected-file.js';
import { bundledModels } from '../rivya/catalogue/bundled-models.js';
import { ExitCode } from '../shared/errors.js';
import type { CommandSetup } from './command-setup.js';
import { compileFromFlags, reportRejections } from './compile.js';
import { estimateCredits } from './estimate.js';
import { addInputFlags, addJsonFlag, type InputFlags, twin } from './flags.js';

interface CheckFlags extends InputFlags {
  json: boolean;
  rejected?: string;
}

export function addCheckCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('check')
    .description('check the input and estimate what it costs; nothing is sent or spent')
    .argument('<file...>', 'CSV, TSV, JSON or JSON Lines; - is stdin');
  addInputFlags(command);
  command.addOption(twin(new Option('--rejected <file>', 'write rows that cannot be used here')));
  addJsonFlag(command);
  command.action((files: string[], flags: CheckFlags) =>
    setup.run(() => check(setup, files, flags)),
  );
}

async function check(
  { terminal }: CommandSetup,
  files: string[],
  flags: CheckFlags,
): Promise<ExitCode> {
  const input = await compileFromFlags(files, flags);
  try {
    const { rows, briefs, rejected, duplicates } = input.counts;
    const estimate = estimateCredits(input.modelUse, bundledModels());
    if (flags.json) {
      if (flags.rejected) await writeRejected(flags.rejected, input.rejections());
      terminal.print(JSON.stringify({ rows, briefs, rejected, duplicates, estimate }));
      return rejected > 0 && !flags.skipInvalid ? ExitCode.badInput : ExitCode.succeeded;
    }
    terminal.print(
      `${rows} rows make ${briefs} briefs (${duplicates} duplicates, ${rejected} rejected).`,
    );
    for (const [model, count] of input.modelUse) terminal.print(`  ${count} with ${model}`);
    terminal.print(estimate.sentence);
    await reportRejections(input, {
      terminal,
      rejectedFile: flags.rejected ?? null,
      skipInvalid: flags.skipInvalid ? 'skip' : 'refuse',
    });
    return ExitCode.succeeded;
  } finally {
    await input.dispose();
  }
}
