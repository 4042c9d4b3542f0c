import type { Command } from 'commander';
import { askApi } from '../../session/open-client.js';
import { ExitCode } from '../../shared/errors.js';
import { formatCredits } from '../../shared/quantities.js';
import { addJsonFlag } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';

export function addCreditsCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('credits');
  addJsonFlag(command);
  command.action((flags: { json: boolean }) =>
    setup.run(async () => {
      const { currentCredits } = await askApi(setup.settings, (client) => client.readCredits());
      setup.terminal.print(
        flags.json
          ? JSON.stringify({ current_credits: currentCredits })
          : `${formatCredits(currentCredits)} left.`,
      );
      return ExitCode.succeeded;
    }),
  );
}
