import type { Command } from 'commander';
import { Option } from 'commander';
import { writeRejected } from '../producer/rejected-file.js';
import { createRivyaClient } from '../rivya/client.js';
import { ExitCode } from '../shared/errors.js';
import { counted } from '../shared/quantities.js';
import type { CommandSetup } from './command-setup.js';
import { compileFromFlags, reportRejections, unknownModels } from './compile.js';
import type { Settings } from './environment.js';
import { addInputFlags, addJsonFlag, type InputFlags, twin } from './flags.js';
import { forecastInput, forecastSentences } from './forecast.js';
import { userAgent } from './session.js';

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

/** A look at the balance: none without a key, and none that holds the check up. */
async function lookAtWallet({ origin, apiKey, proxy }: Settings): Promise<number | null> {
  if (apiKey === null) return null;
  const client = createRivyaClient({ origin, apiKey, proxy, userAgent, requestTimeoutMs: 5_000 });
  try {
    const outcome = await client.readCredits();
    return outcome.kind === 'read' ? outcome.currentCredits : null;
  } finally {
    await client.close();
  }
}

async function check(
  { terminal, settings }: CommandSetup,
  files: string[],
  flags: CheckFlags,
): Promise<ExitCode> {
  const input = await compileFromFlags(files, flags, settings);
  try {
    const { rows, briefs, rejected, duplicates } = input.counts;
    const { uploads } = input;
    const wallet = await lookAtWallet(settings);
    const forecast = await forecastInput(input.briefs(), { wallet, learned: new Map() });
    if (flags.json) {
      if (flags.rejected) await writeRejected(flags.rejected, input.rejections());
      terminal.print(
        JSON.stringify({ rows, briefs, rejected, duplicates, uploads, wallet, forecast }),
      );
      return rejected > 0 && !flags.skipInvalid ? ExitCode.badInput : ExitCode.succeeded;
    }
    terminal.print(
      `${counted(rows, 'row')}: ${counted(briefs, 'brief')} to make (${counted(duplicates, 'duplicate')}, ${rejected} rejected).`,
    );
    for (const [model, count] of input.modelUse) terminal.print(`  ${count} with ${model}`);
    if (uploads > 0) terminal.print(`  ${counted(uploads, 'upload')} of references first`);
    for (const sentence of unknownModels(input)) terminal.warn(sentence);
    for (const sentence of forecastSentences(forecast, wallet)) terminal.print(sentence);
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
