import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import type { CommandSetup } from '../../src/cli/setup.js';

const dist = new URL('../../dist/', import.meta.url).pathname;

/** What Node loads with a module of ours before anything of it runs: packages by name, our own by their path in `dist`. */
function loadedWith(module: string): Set<string> {
  const loaded = new Set([module]);
  for (const name of loaded) {
    if (!existsSync(join(dist, name))) continue;
    const code = readFileSync(join(dist, name), 'utf8');
    for (const [, from = ''] of code.matchAll(
      /^(?:import|export)\s(?:[^'";]*?\sfrom\s)?'([^']+)'/gm,
    )) {
      const isOurs = from.startsWith('.');
      loaded.add(isOurs ? resolve(dist, dirname(name), from).slice(dist.length) : from);
    }
  }
  return loaded;
}

const among = (loaded: ReadonlySet<string>, names: readonly string[]) =>
  names.filter((name) => loaded.has(name));

const heavy = ['bullmq', 'undici', 'pino', 'pino-pretty', 'fastify', 'liquidjs', 'cron-parser'];

describe('starting a command', () => {
  it('sees what is loaded', () => {
    const loaded = loadedWith('cli/commands/run.js');
    expect(among(loaded, ['bullmq', 'undici', 'pino', 'ioredis', 'zod'])).toHaveLength(5);
  });

  it('loads no command for the help, and nothing that only commands need', () => {
    const loaded = loadedWith('cli/main.js');
    expect(among(loaded, [...heavy, 'ioredis', 'session/store-session.js'])).toEqual([]);
    expect([...loaded].filter((name) => name.startsWith('cli/commands/'))).toEqual([]);
  });

  it.each(['status', 'verify', 'export'])(
    'loads for %s neither queues nor API nor logger',
    (name) => {
      expect(among(loadedWith(`cli/commands/${name}.js`), heavy)).toEqual([]);
    },
  );

  it('lists commands as they are, although it loads none of them', async () => {
    const setup = {} as CommandSetup;
    const all = await createProgram(setup, 'all');
    const listed = await createProgram(setup, ['--help']);
    expect(listed.helpInformation()).toBe(all.helpInformation());
    expect(listed.commands.length).toBeGreaterThan(15);
    expect(
      listed.commands.filter(({ registeredArguments }) => registeredArguments.length > 0),
    ).toEqual([]);
  });

  it.each([
    [['status'], ['status']],
    [['help', 'run'], ['run']],
    [['--', 'check', 'run'], ['check']],
  ])('loads of %j only what is asked for', async (typed, names) => {
    const program = await createProgram({} as CommandSetup, typed);
    expect(program.commands.map((command) => command.name())).toEqual(names);
  });
});
