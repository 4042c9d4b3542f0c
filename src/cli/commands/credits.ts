import type { Command } from 'commander';
import { judgeKey } from '../../rivya/judge-answer.js';
import type { Refused } from '../../rivya/outcome.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { formatCredits } from '../../shared/quantities.js';
import { addJsonFlag } from '../options/flags.js';
import { openClient } from '../sessions/open-client.js';
import type { CommandSetup } from '../setup.js';

export function addCreditsCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('credits');
  addJsonFlag(command);
  command.action((flags: { json: boolean }) =>
    setup.run(async () => {
      const credits = await readCredits(setup);
      setup.terminal.print(
        flags.json
          ? JSON.stringify({ current_credits: credits })
          : `${formatCredits(credits)} left.`,
      );
      return ExitCode.succeeded;
    }),
  );
}

async function readCredits({ settings }: CommandSetup): Promise<number> {
  const client = openClient(settings);
  try {
    const outcome = await client.readCredits();
    switch (outcome.kind) {
      case 'read':
        return outcome.currentCredits;
      case 'refused': {
        const { code, message } = outcome.refusal;
        const kind = isAboutKey(outcome) ? 'key_refused' : 'api_unavailable';
        throw new BatchError(kind, `The API refused: ${code}. ${message}`);
      }
      case 'unknown':
      case 'unreachable':
        throw new BatchError(
          'api_unavailable',
          `${settings.origin} gave no answer: ${outcome.reason}`,
        );
      default:
        return outcome satisfies never;
    }
  } finally {
    await client.close();
  }
}

function isAboutKey(outcome: Refused): boolean {
  return outcome.refusal.kind === 'key_refused' || judgeKey(outcome).kind === 'refused';
}
