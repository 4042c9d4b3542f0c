import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, test } from '../support/cli.js';

const bundled = new URL('../../dist/bin/rivya-batch.js', import.meta.url).pathname;

/** A desk at which `rivya-batch` is a command, with a table, a batch and a schedule. */
async function shellDesk(openDesk: (options?: object) => Promise<Desk>): Promise<Desk> {
  const desk = await openDesk();
  await desk.write('shop.csv', '\ufeffsku;title;Image Src\na1;Lamp;\na2;Mug;\n');
  await desk.run([
    'run',
    'shop.csv',
    '--out',
    'out',
    '--batch',
    'spring@2026',
    ...mapping,
    ...fast,
  ]);
  const cron = ['--cron', '0 2 * * *', '--out', 'nights', ...mapping];
  await desk.run(['schedule', 'add', 'nightly', 'shop.csv', ...cron]);
  await mkdir(join(desk.folder, 'bin'));
  const command = `#!/bin/sh\nexec '${process.execPath}' '${bundled}' "$@"\n`;
  await chmod(join(desk.folder, await desk.write('bin/rivya-batch', command)), 0o755);
  desk.environment.PATH = `${join(desk.folder, 'bin')}:${desk.environment.PATH}`;
  return desk;
}

async function say(desk: Desk, shell: string, words: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(shell, words, {
    cwd: desk.folder,
    env: desk.environment,
  });
  expect(stderr).toBe('');
  return stdout;
}

/** What is typed, and what is offered among others; nothing of it where it is `never`. */
const lines: [typed: string, offered: string[], never: string[]][] = [
  ['rivya-batch che', ['check'], ['run']],
  ['rivya-batch schedule p', ['pause'], ['show']],
  ['rivya-batch run --max-c', ['--max-credits', '--max-credits-per-day'], ['--model']],
  ['rivya-batch run --format js', ['json', 'jsonl'], ['csv']],
  ['rivya-batch run --model z-', ['z-image'], ['nano-banana']],
  ['rivya-batch run shop.csv --id ', ['sku', 'title'], ['shop.csv']],
  ['rivya-batch schedule show n', ['nightly'], []],
];

/** For shells to which an option with its value is one word. */
const joined: typeof lines = [
  ['rivya-batch run --format=js', ['--format=json', '--format=jsonl'], ['--format=csv']],
  ['rivya-batch run shop.csv --id=', ['--id=sku', '--id=title'], ['shop.csv']],
];

describe.concurrent('completion', () => {
  test('in bash', async ({ openDesk }) => {
    const desk = await shellDesk(openDesk);
    // Bash ends a word at an @ and a =, and takes what comes behind it: its second argument.
    const ask = (typed: string) =>
      say(desk, 'bash', [
        '-c',
        `eval "$(rivya-batch completion bash)"; COMP_LINE=$1; COMP_POINT=\${#1}; _rivya_batch rivya-batch "$2"; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p rivya-batch`,
        'bash',
        typed,
        typed.split(/[ @=]/).at(-1) ?? '',
      ]);
    for (const [typed, offered, never] of [
      ...lines,
      ['rivya-batch status spring@2', ['2026'], ['spring@2026']],
      ['rivya-batch status spring@', ['2026'], ['spring@2026']],
      ['rivya-batch run --format=js', ['json', 'jsonl'], ['csv', '--format=json']],
      ['rivya-batch run shop.csv --id=', ['sku', 'title'], ['=sku']],
      ['rivya-batch run shop.csv --unique Im', ['Image\\ Src'], []],
    ] as typeof lines) {
      const found = (await ask(typed)).split('\n');
      for (const value of offered) expect(found, typed).toContain(value);
      for (const value of never) expect(found, typed).not.toContain(value);
      expect(found).toContain('complete -o default -F _rivya_batch rivya-batch');
    }
  });

  test('in zsh', async ({ openDesk }) => {
    const desk = await shellDesk(openDesk);
    // What a Tab does, but for drawing what is found: zsh draws at a terminal alone.
    const script = `
      autoload -U compinit; compinit -D
      eval "$(rivya-batch completion zsh)"
      _describe() { print -rl -- "\${(@P)2}"; }
      _files() { print :files; }
      compset() { :; }
      words=("$@"); CURRENT=$#words
      $_comps[rivya-batch]`;
    for (const [typed, offered, never] of [
      ...lines,
      ...joined,
      ['rivya-batch status sp', ['spring@2026'], []],
      ['rivya-batch run sh', [':files'], []],
      ['rivya-batch run --recipe=sh', [':files'], []],
      ['rivya-batch run shop.csv --unique Im', ['Image Src'], []],
    ] as typeof lines) {
      const told = await say(desk, 'zsh', ['-f', '-c', script, 'zsh', ...typed.split(' ')]);
      const found = told.split('\n').map((line) => (line === ':files' ? line : line.split(':')[0]));
      for (const value of offered) expect(found, typed).toContain(value);
      for (const value of never) expect(found, typed).not.toContain(value);
    }
  });

  test('in fish', async ({ openDesk }) => {
    const desk = await shellDesk(openDesk);
    const script = 'rivya-batch completion fish | source; complete -C $argv[1]';
    for (const [typed, offered, never] of [
      ...lines,
      ...joined,
      ['rivya-batch status sp', ['spring@2026'], []],
      ['rivya-batch run sh', ['shop.csv'], []],
      ['rivya-batch run --recipe=sh', ['--recipe=shop.csv'], []],
    ] as typeof lines) {
      const told = await say(desk, 'fish', ['--no-config', '-c', script, typed]);
      const found = told.split('\n').map((line) => line.split('\t')[0]);
      for (const value of offered) expect(found, typed).toContain(value);
      for (const value of never) expect(found, typed).not.toContain(value);
    }
  });

  test('wakes no private Redis, and says nothing where it knows nothing', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private' });
    for (const words of [['status', ''], ['run', 'none.csv', '--id', ''], ['nothing', ''], []]) {
      const { code, stdout, stderr } = await desk.run(['__complete', ...words]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      if (words.length > 0) expect(stdout).toBe('');
    }
    expect(existsSync(join(desk.folder, '.rivya-batch'))).toBe(false);
  });
});
