import type { Command } from 'commander';
import { ExitCode } from '../../shared/errors.js';
import { addJsonFlag, addOutFlag } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import {
  checkApi,
  checkNode,
  checkOutput,
  checkRedis,
  checkTimeZones,
  findingLines,
} from './doctor-checks.js';

interface DoctorFlags {
  out?: string;
  json: boolean;
}

export function addDoctorCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('doctor');
  addOutFlag(command, 'also look at this output folder');
  addJsonFlag(command);
  command.action((flags: DoctorFlags) => setup.run(() => diagnose(setup, flags)));
}

async function diagnose(setup: CommandSetup, { out, json }: DoctorFlags): Promise<ExitCode> {
  const { settings, terminal } = setup;
  const findings = [
    checkNode(process.versions.node),
    checkTimeZones(),
    ...(await checkRedis(settings)),
    ...(await checkApi(settings)),
    ...(out ? [await checkOutput(settings, out)] : []),
  ];
  if (json) terminal.json(findings);
  else {
    for (const finding of findings) {
      for (const line of findingLines(finding, terminal)) terminal.print(line);
    }
  }
  const broken = findings.some((finding) => finding.level === 'error');
  return broken ? ExitCode.unexpected : ExitCode.succeeded;
}
