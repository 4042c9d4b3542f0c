import { once } from 'node:events';
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { redactSecrets } from '../rivya/redact-secrets.js';
import { hangingLines, wrapProse } from './hanging-lines.js';

/**
 * What a person sees. Results go to stdout; progress, notes and warnings go to stderr, so that a pipe gets
 * results only. Everything passes the redactor (S8).
 */
export interface Terminal {
  /** Whether stderr shows live progress. */
  live: boolean;
  /** At a screen, lines break between words; those that begin with a space stand as they are: commands, tables. */
  print(text: string): void;
  /** For programs: as it is, on any screen. */
  json(value: unknown): void;
  /** Long output as it is, at the reader's speed. */
  pipe(text: string): Promise<void>;
  note(text: string): void;
  warn(text: string): void;
  /** Replaces the live block; '' takes it away. Does nothing where progress is not live. */
  progress(block: string): void;
  /** Columns of stdout; 80 where it is no screen. */
  width: number;
  /** Whether stdout is a screen, and not a file or a pipe. */
  screen: boolean;
}

export function openTerminal(): Terminal {
  const { stdout, stderr } = process;
  // A reader that has seen enough (`| head`) is no error: what is left to say goes nowhere.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const update = createLogUpdate(stderr, { showCursor: true });
  const live = stderr.isTTY === true;
  let block = '';
  const fitted = (text: string, { columns }: { columns?: number }) =>
    columns === undefined ? text : wrapProse(text, columns);
  const write = (text: string) => {
    if (block) update.clear();
    stderr.write(`${fitted(redactSecrets(text), stderr)}\n`);
    if (block) update(block);
  };
  return {
    live,
    width: stdout.columns ?? 80,
    screen: stdout.isTTY === true,
    print: (text) => stdout.write(`${fitted(redactSecrets(text), stdout)}\n`),
    json: (value) => stdout.write(`${redactSecrets(JSON.stringify(value))}\n`),
    pipe: async (text) => {
      if (stdout.writable && !stdout.write(text))
        await once(stdout, 'drain').catch(() => undefined);
    },
    note: (text) => write(text),
    warn: (text) => write(pc.yellow(text)),
    progress: (next) => {
      if (!live) return;
      block = fitted(redactSecrets(next), stderr);
      if (block) update(block);
      else update.clear();
    },
  };
}

/** Columns that a line may have; a file or a pipe takes any. */
export function lineWidth({ screen, width }: Terminal): number {
  return screen ? width : Number.POSITIVE_INFINITY;
}

/** Names and what is to be said of each, below one another. */
export function printFacts(
  terminal: Terminal,
  facts: readonly (readonly [name: string, text: string])[],
): void {
  const longest = Math.max(...facts.map(([name]) => name.length));
  for (const [name, text] of facts) {
    const head = `  ${name.padEnd(longest + 2)}`;
    for (const line of hangingLines(head, text, lineWidth(terminal))) terminal.print(line);
  }
}
