import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { firstLooks, optionGroups } from '../../src/cli/help/first-look.js';
import { examplesOf, helpLayout, wordsOfCommand } from '../../src/cli/help/help-layout.js';
import { readToldCommands, tellCommand } from '../../src/cli/help/told-commands.js';
import { createProgram } from '../../src/cli/program.js';
import type { CommandSetup } from '../../src/cli/setup.js';

const bundled = new URL('../../dist/bin/rivya-batch.js', import.meta.url).pathname;
const inDist = new URL('../../dist/cli/help/told-commands.js', import.meta.url).pathname;
const program = await createProgram({} as CommandSetup, 'all');

function withThoseBelow(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withThoseBelow)];
}

const all = withThoseBelow(program);

async function printed(words: string[]): Promise<string> {
  // Broken settings are no reason to be told nothing.
  const env = { PATH: process.env.PATH, RIVYA_API_KEY: 'no key', RIVYA_BATCH_RATE: 'no rate' };
  const { stdout } = await promisify(execFile)(process.execPath, [bundled, ...words], { env });
  return stdout;
}

describe('the help', () => {
  it('has three examples of each command, and each option that a first look names is there', () => {
    for (const command of all) {
      const words = wordsOfCommand(command);
      expect(examplesOf(command), words).toHaveLength(3);
      const { options, commands, registeredArguments } = command;
      const known = [...options, ...commands, ...registeredArguments].map((item) => item.name());
      const { most } = firstLooks[words] ?? {};
      if (!most) continue;
      const named = Object.values(most).flat();
      expect(named.filter((name) => !known.includes(name))).toEqual([]);
      expect(new Set(named).size).toBe(named.length);
      const takes = registeredArguments.filter(({ description }) => description);
      expect(named).toEqual(expect.arrayContaining(takes.map((argument) => argument.name())));
    }
    expect(Object.keys(firstLooks).sort()).toEqual(all.map(wordsOfCommand).sort());
  });

  it('has each option of a long list under a heading, and none under two', () => {
    const long = all.filter(({ options }) => options.length > 10);
    expect(long.map(wordsOfCommand)).toContain('schedule add');
    const bare = long.flatMap(({ options }) =>
      options.filter((option) => !option.helpGroupHeading),
    );
    expect(bare.map(({ long: flag }) => flag)).toEqual([]);
    const named = Object.values(optionGroups).flat();
    expect(new Set(named).size).toBe(named.length);
  });

  it('is told of what the build has written down, which is what the commands say', async () => {
    expect(readToldCommands()).toBeNull();
    const { readToldCommands: inBuild } = (await import(inDist)) as {
      readToldCommands: typeof readToldCommands;
    };
    expect(inBuild()).toEqual(JSON.parse(JSON.stringify(program.commands.map(tellCommand))));
  });

  it.each([80, 120])(
    'begins on %i columns with a screen, and says where the rest is',
    (columns) => {
      const screen = { rows: 24, prompt: 1 };
      for (const command of all) {
        const words = wordsOfCommand(command);
        const [short, whole] = (['first look', 'all'] as const).map((depth) =>
          command
            .configureOutput({ getOutHelpWidth: () => columns })
            .configureHelp(helpLayout(depth))
            .helpInformation(),
        );
        const lines = short?.trimEnd().split('\n') ?? [];
        expect(lines.length, words).toBeLessThanOrEqual(screen.rows - screen.prompt);
        for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
        for (const example of examplesOf(command)) expect(lines).toContain(`  ${example}`);
        // Neither leads to more where there is none, nor says nothing of what there is.
        const isAll = short === whole || command.commands.length > 0;
        const rest = isAll ? 'COMMAND --help' : `rivya-batch ${words} --help --all`;
        expect(short?.includes(rest), words).toBe(!isAll || command.commands.length > 0);
      }
    },
  );

  it('has what is used most under headings, and the rest behind --all', async () => {
    const [list, run, help, everything] = await Promise.all([
      printed(['--help']),
      printed(['run', '--help']),
      printed(['help', 'run']),
      printed(['run', '--help', '--all']),
    ]);
    expect(list).toMatch(/^Also: .*completion.*^Options: .*rivya-batch --help --all$/ms);
    expect(help).toBe(run);
    expect(run).toMatch(/^\d+ more options: rivya-batch run --help --all$/m);
    expect(run).not.toContain('--key-life');
    for (const heading of ['Input:', 'Prompt:', 'Money:', 'Output:']) {
      expect(run).toContain(`\n${heading}\n`);
    }
    for (const heading of ['Input:', 'Rows:', 'Prompt:', 'Money:', 'Pace:', 'Output:']) {
      expect(everything).toContain(`\n${heading}\n`);
    }
    const command = program.commands.find((one) => one.name() === 'run');
    for (const { long } of command?.options ?? []) expect(everything).toContain(`  ${long}`);
    // Twins are told once.
    expect(everything.match(/RIVYA_BATCH_\w+/g)).toEqual(['RIVYA_BATCH_OUT']);
  });
});
