import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readPage } from './support/pages.js';

const root = new URL('..', import.meta.url).pathname;

it('docs/options.md is what the commands say (npm run options writes it)', () => {
  const made = execFileSync('node', ['scripts/options-page.mjs', '--print'], { cwd: root });
  expect(readPage('docs/options.md')).toBe(made.toString());
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
