import { randomUUID } from 'node:crypto';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import pc from 'picocolors';
import { BatchError, ExitCode } from '../shared/errors.js';
import { formatCredits } from '../shared/quantities.js';
import { openStore } from '../shared/store/open-store.js';
import type { CommandSetup } from './command-setup.js';
import { addJsonFlag, addOutFlag } from './flags.js';
import { openClient } from './session.js';

/** One line of the diagnosis, with the remedy where something is wrong. */
interface Finding {
  subject: string;
  level: 'ok' | 'warning' | 'error';
  text: string;
}

const leastNode = [20, 19] as const;

export function addDoctorCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('doctor').description('look whether everything is in order');
  addOutFlag(command, 'also look at this output folder', 'optional');
  addJsonFlag(command);
  command.action((flags: { out?: string; json: boolean }) =>
    setup.run(async () => {
      const findings = [checkNode(), ...(await checkRedis(setup)), await checkApi(setup)];
      if (flags.out) findings.push(await checkFolder(resolve(flags.out)));
      if (flags.json) setup.terminal.print(JSON.stringify(findings));
      else for (const finding of findings) setup.terminal.print(findingText(finding));
      const broken = findings.some((finding) => finding.level === 'error');
      return broken ? ExitCode.unexpected : ExitCode.succeeded;
    }),
  );
}

function findingText({ subject, level, text }: Finding): string {
  const colours = { ok: pc.green, warning: pc.yellow, error: pc.red };
  return `${colours[level](level.padEnd(8))} ${subject.padEnd(14)} ${text}`;
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
  return {
    subject: 'Node.js',
    level: fits ? 'ok' : 'error',
    text: fits ? process.versions.node : `${process.versions.node}: install 20.19 or later`,
  };
}

async function checkRedis({ settings }: CommandSetup): Promise<Finding[]> {
  try {
    const store = await openStore({ redisUrl: settings.redisUrl, home: settings.home });
    try {
      const kind = store.kind === 'private' ? 'private Redis' : 'Redis';
      const findings: Finding[] = [
        { subject: 'Redis', level: 'ok', text: `${kind} at ${store.where}` },
      ];
      for (const warning of store.warnings) {
        findings.push({ subject: 'Redis', level: 'warning', text: warning });
      }
      return findings;
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    return [{ subject: 'Redis', level: 'error', text: error.message }];
  }
}

async function checkApi({ settings }: CommandSetup): Promise<Finding> {
  const subject = 'Rivya API';
  if (!settings.apiKey) {
    return {
      subject,
      level: 'error',
      text: 'RIVYA_API_KEY is not set: create a key in Rivya under Settings',
    };
  }
  const client = openClient(settings);
  try {
    const outcome = await client.readCredits();
    switch (outcome.kind) {
      case 'read': {
        const text = `${settings.origin} takes the key; ${formatCredits(outcome.currentCredits)} left`;
        return outcome.currentCredits > 0
          ? { subject, level: 'ok', text }
          : { subject, level: 'warning', text: `${text}: buy credits before a run` };
      }
      case 'refused': {
        const { code, message } = outcome.refusal;
        return { subject, level: 'error', text: `${settings.origin} refuses: ${code}. ${message}` };
      }
      case 'unknown':
      case 'unreachable':
        return {
          subject,
          level: 'error',
          text: `${settings.origin} gave no answer: ${outcome.reason}`,
        };
      default:
        return outcome satisfies never;
    }
  } finally {
    await client.close();
  }
}

async function checkFolder(out: string): Promise<Finding> {
  const subject = 'Output folder';
  const probe = join(out, `.${randomUUID()}.probe`);
  try {
    await mkdir(out, { recursive: true });
    await writeFile(probe, 'probe');
    const { bavail, bsize } = await statfs(out);
    const gigabytes = (bavail * bsize) / 1e9;
    return gigabytes < 1
      ? { subject, level: 'warning', text: `${out}: only ${gigabytes.toFixed(2)} GB left` }
      : { subject, level: 'ok', text: `${out}: writable, ${gigabytes.toFixed(0)} GB left` };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return { subject, level: 'error', text: `${out} cannot be written (${code})` };
  } finally {
    await rm(probe, { force: true });
  }
}
