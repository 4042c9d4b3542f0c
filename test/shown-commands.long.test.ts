import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { expect, it } from 'vitest';
import { createProgram } from '../src/cli/program.js';
import type { CommandSetup } from '../src/cli/setup.js';
import { type Desk, fast, test } from './support/cli.js';
import { pages, readPage, shownCommands } from './support/pages.js';

const root = new URL('..', import.meta.url).pathname;
const shown = pages
  // What it tells of was true at its time.
  .filter((page) => page !== 'CHANGELOG.md')
  .flatMap(shownCommands);

function commandOf(program: Command, [name = '', ...rest]: string[]): [Command, string[]] | null {
  const found = program.commands.find((command) => command.name() === name);
  if (!found) return null;
  return found.commands.length > 0 ? commandOf(found, rest) : [found, rest];
}

/** What the command line has against these words; null where it takes them. */
function refusalOf(program: Command, words: string[]): string | null {
  const found = commandOf(program, words);
  if (!found) return 'there is no such command';
  const [command, rest] = found;
  command.configureOutput({ writeErr: () => undefined });
  // Its options are those of the command that it gives again.
  if (command.name() === 'continue') return refusalOf(program, ['run', ...rest.slice(1)]);
  try {
    const { operands, unknown } = command.parseOptions(rest);
    if (unknown.length > 0) return `unknown: ${unknown.join(' ')}`;
    const takes = command.registeredArguments;
    if (operands.length < takes.filter(({ required }) => required).length)
      return 'too few arguments';
    const isTooMany = operands.length > takes.length && !takes.some(({ variadic }) => variadic);
    return isTooMany ? `too many arguments: ${operands.join(' ')}` : null;
  } catch (error) {
    if (error instanceof CommanderError) return error.message;
    throw error;
  }
}

it('every command of ours that a page shows is one that can be typed', async () => {
  const program = await createProgram({} as CommandSetup, 'all');
  const refused: string[] = [];
  for (const { page, words } of shown) {
    const refusal = refusalOf(program, words);
    if (refusal !== null) refused.push(`${page}: ${words.join(' ')}: ${refusal}`);
  }
  expect(refused).toEqual([]);
  expect(shown.length).toBeGreaterThan(50);
});

it('every option that a page names is one', async () => {
  const program = await createProgram({} as CommandSetup, 'all');
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  const known = new Set(commands.flatMap(({ options }) => options.map(({ long }) => long ?? '')));
  // Every command has it.
  known.add('--help');
  const others = ['docs/rivals.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
  const wrong = pages
    .filter((page) => !others.includes(page))
    .flatMap((page) => {
      const named = [...readPage(page).matchAll(/`(--[a-z-]+)[^`]*`/g)];
      return named.filter(([, name = '']) => !known.has(name)).map(([span]) => `${page}: ${span}`);
    });
  expect(wrong).toEqual([]);
});

async function openWithExamples(openDesk: (options: object) => Promise<Desk>): Promise<Desk> {
  const desk = await openDesk({ speed: Number.POSITIVE_INFINITY });
  await cp(join(root, 'examples'), join(desk.folder, 'examples'), { recursive: true });
  return desk;
}

const ofExamples =
  (command: string) =>
  ({ words, readsStdin }: (typeof shown)[number]) => {
    return (
      words[0] === command && !readsStdin && words.some((word) => word.startsWith('examples/'))
    );
  };

test('every check of a file in examples/ that a page shows goes through', async ({ openDesk }) => {
  const desk = await openWithExamples(openDesk);
  const checks = shown.filter(ofExamples('check'));
  expect(checks.length).toBeGreaterThan(5);
  const ends = await Promise.all(
    checks.map(async ({ page, words }) => {
      const { code, stderr } = await desk.run(words);
      return { page, words, code, stderr: code === 0 ? '' : stderr };
    }),
  );
  expect(ends.filter(({ code }) => code !== 0)).toEqual([]);
});

test('the first own run goes as the README shows it (S1)', async ({ openDesk }) => {
  const desk = await openWithExamples(openDesk);
  const section = /^## Your own first run\n.*?(?=^## )/ms.exec(readPage('README.md'))?.[0] ?? '';
  const typed = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) => {
    return [...block.matchAll(/^npx rivya-batch (.*?)( +#.*)?$/gm)].map(([, words = '']) =>
      words.split(' '),
    );
  });
  const [init, simulated, , , run] = typed;
  const environment = { RIVYA_API_KEY: '' };
  const made = await desk.run(init ?? [], { environment });
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const [, block = ''] = /^```\n(68 rows.*?)^```$/ms.exec(section) ?? [];
  const lines = made.stdout.split('\n');
  expect(block.split('\n').filter((line) => !lines.includes(line))).toEqual([]);
  const tried = await desk.run([...(simulated ?? []), '--limit', '3'], { environment });
  expect(tried, tried.stderr).toMatchObject({ code: 0 });
  expect(existsSync(join(desk.folder, typed[2]?.[1] ?? ''))).toBe(true);
  expect(run).toEqual(['run', '--trial', '5', '--max-credits', '250']);
  const trial = await desk.run([...(run ?? []), ...fast]);
  expect(trial.code, trial.stderr).toBe(0);
  expect(desk.simulator.bill().total.tasks).toBe(5);
  const rest = await desk.run(['run', ...fast]);
  expect(rest.code, rest.stderr).toBe(0);
  expect(desk.simulator.bill().total.tasks).toBe(68);
});
