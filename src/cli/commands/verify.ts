import type { Command } from 'commander';
import pc from 'picocolors';
import { openOutput } from '../../results/output-places.js';
import type { Finding } from '../../results/verify/findings.js';
import {
  type Checked,
  type Verification,
  verifyFolder,
} from '../../results/verify/verify-folder.js';
import { ExitCode } from '../../shared/errors.js';
import { quoteName } from '../../shared/quantities.js';
import { addJsonFlag, placeOfResults } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { hangingLines, type Terminal } from '../text/terminal.js';

const progressEveryMs = 250;
/** Of each code; `--json` lists all. */
const findingsShown = 5;

export function addVerifyCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('verify')
    .argument('<folder>', 'what --out named', placeOfResults);
  addJsonFlag(command);
  command.action((folder: string, flags: { json: boolean }) =>
    setup.run(async () => {
      const output = await openOutput(setup.settings, folder);
      const verification = await verifyShowingProgress(setup.terminal, output.folder);
      if (flags.json) setup.terminal.json(verification);
      else printVerification(setup.terminal, verification);
      return verification.ok ? ExitCode.succeeded : ExitCode.unexpected;
    }),
  );
}

async function verifyShowingProgress(terminal: Terminal, folder: string): Promise<Verification> {
  const checked: Checked = { lines: 0, assets: 0, bytes: 0 };
  const timer = setInterval(() => {
    terminal.progress(`${checkedText(checked)} so far`);
  }, progressEveryMs);
  try {
    return await verifyFolder(folder, checked);
  } finally {
    clearInterval(timer);
    terminal.progress('');
  }
}

function printVerification(terminal: Terminal, verification: Verification): void {
  const { ok, checked, problems, warnings } = verification;
  const text = checkedText(checked);
  if (ok) terminal.print(`${text}: ${pc.green('all as the manifest says.')}`);
  else {
    const number = counted(problems.length, 'problem', 'problems');
    terminal.print(`${text}: ${pc.red(`${number} found.`)}`);
  }
  const { lineWidth: width } = terminal;
  for (const line of grouped(problems, width)) terminal.print(line);
  for (const line of grouped(warnings, width)) terminal.note(line);
}

/** By code, the first few of each: a disk that is gone would otherwise fill the screen. */
function grouped(findings: readonly Finding[], width: number): string[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.code);
    if (group) group.push(finding);
    else groups.set(finding.code, [finding]);
  }
  return [...groups].flatMap(([code, group]) => {
    const shown = group
      .slice(0, findingsShown)
      .flatMap((finding) => hangingLines('  ', findingText(finding), width));
    const more = group.length - findingsShown;
    const rest = more > 0 ? [`  and ${grouping.format(more)} more (--json lists all)`] : [];
    return [pc.dim(`${code} (${grouping.format(group.length)})`), ...shown, ...rest];
  });
}

/** Sentences of lines and files that are named by more than one brief say whose they are themselves. */
function findingText({ code, brief_id, message }: Finding): string {
  const isAsset = code.startsWith('asset_') && code !== 'asset_shared';
  return isAsset && brief_id !== null ? `Brief ${quoteName(brief_id)}: ${message}` : message;
}

function checkedText({ lines, assets, bytes }: Checked): string {
  return `${counted(lines, 'line', 'lines')}, ${counted(assets, 'file', 'files')}, ${bytesText(bytes)} re-hashed`;
}

const grouping = new Intl.NumberFormat('en');

function counted(count: number, one: string, many: string): string {
  return `${grouping.format(count)} ${count === 1 ? one : many}`;
}

function bytesText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const amount = bytes / 1000 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`;
}
