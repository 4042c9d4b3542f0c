import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { pages, readPage } from './support/pages.js';

const root = new URL('..', import.meta.url).pathname;

it('docs/options.md and docs/commands/ are what the commands say (npm run options writes them)', () => {
  const printed = execFileSync('node', ['scripts/command-pages.mjs', '--print'], { cwd: root });
  const made = JSON.parse(printed.toString()) as Record<string, string>;
  for (const [name, page] of Object.entries(made)) expect(readPage(`docs/${name}`)).toBe(page);
  const kept = pages.filter((page) => page.startsWith('docs/commands/'));
  expect(kept.map((page) => page.slice(5)).sort()).toEqual(
    Object.keys(made)
      .filter((name) => name !== 'options.md')
      .sort(),
  );
});

it('docs/options.md has every variable that is read', () => {
  const page = readPage('docs/options.md');
  const source = readFileSync(`${root}/src/session/environment.ts`, 'utf8');
  const read = [...source.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name = '']) => name);
  const example = readFileSync(`${root}/.env.example`, 'utf8');
  const shown = [...example.matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name = '']) => name);
  expect(read).toContain('RIVYA_API_KEY');
  const missing = new Set([...read, ...shown].filter((name) => !page.includes(`\`${name}\``)));
  // Docker compose alone reads it.
  expect([...missing]).toEqual(['OUT_USER']);
});
