import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Desk } from './cli.js';
import { keepHeard } from './heard.js';

const bundled = new URL('../../dist/bin/rivya-batch.js', import.meta.url).pathname;

export interface Seen {
  code: number | null;
  /** What a person sees, line by line, as the terminal got it. */
  text: string;
}

/**
 * Gives a command to a pseudo-terminal of so many columns (`script` of util-linux makes it), and types what `answers` has for a
 * text as soon as that text is there.
 */
export async function atTerminal(
  { folder, environment }: Desk,
  parameters: string[],
  { columns = 80, answers = {} }: { columns?: number; answers?: Record<string, string> } = {},
): Promise<Seen> {
  const quoted = [process.execPath, bundled, ...parameters].map((part) => `'${part}'`).join(' ');
  const command = `stty cols ${columns}; exec ${quoted}`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: folder,
    env: { ...environment, NO_COLOR: '1', SHELL: '/bin/sh' },
  });
  let text = '';
  const open = new Map(Object.entries(answers));
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    for (const [wanted, answer] of open) {
      if (!text.includes(wanted)) continue;
      open.delete(wanted);
      child.stdin.write(answer);
    }
  });
  const [code] = (await once(child, 'close')) as [number | null];
  child.stdin.end();
  keepHeard(parameters, { stdout: text, stderr: '' });
  return { code, text };
}
