import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { firstLooks, optionGroups } from '../../src/cli/help/first-look.js';
import { examplesOf, wordsOfCommand } from '../../src/cli/help/help-layout.js';
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
      const known = [...command.options, ...command.commands].map((item) => item.name());
      expect((firstLooks[words]?.most ?? []).filter((name) => !known.includes(name))).toEqual([]);
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

  it('begins with a screen of what is used most, and has the rest behind --all', async () => {
    const [list, run, help, everything, add] = await Promise.all([
      printed(['--help']),
      printed(['run', '--help']),
      printed(['help', 'run']),
      printed(['run', '--help', '--all']),
      printed(['schedule', 'add', '-h']),
    ]);
    for (const text of [list, run, add]) {
      expect(text.split('\n').length).toBeLessThanOrEqual(32);
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    }
    expect(list).toMatch(/^Also: .*rivya-batch --help\s--all/ms);
    expect(help).toBe(run);
    expect(run).toMatch(/^More options \(.* of pace.*\): rivya-batch run --help --all/ms);
    expect(run).not.toContain('--key-life');
    for (const heading of ['Input:', 'Rows:', 'Prompt:', 'Money:', 'Pace:', 'Output:']) {
      expect(everything).toContain(`\n${heading}\n`);
    }
    const command = program.commands.find((one) => one.name() === 'run');
    for (const { long } of command?.options ?? []) expect(everything).toContain(`  ${long}`);
    // Twins are told once.
    expect(everything.match(/RIVYA_BATCH_\w+/g)).toEqual(['RIVYA_BATCH_OUT']);
  });
});
