import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import wrap from 'wrap-ansi';
import { redactSecrets } from '../../rivya/transport-failure.js';

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
  /** Columns that a line of stdout may have; a file or a pipe takes any. */
  lineWidth: number;
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
    lineWidth: stdout.isTTY === true ? stdout.columns : Number.POSITIVE_INFINITY,
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

/** Narrower is not read any more: there a terminal may break lines where it likes. */
const narrowest = 20;
/** What is longer is read in a file; a sentence may repeat a cell that holds a book. */
const longest = 4_000;

/** A text behind a head, which goes on below itself where the line ends. */
export function hangingLines(head: string, text: string, width: number): string[] {
  const indent = ' '.repeat(stripVTControlCharacters(head).length);
  // A number stays with what it counts.
  const whole = (text.length > longest ? `${text.slice(0, longest)}…` : text).replace(
    /(\d) (?=[a-z])/g,
    '$1\u00a0',
  );
  return wrap(whole, Math.max(narrowest, width - indent.length))
    .replaceAll('\u00a0', ' ')
    .split('\n')
    .map((line, at) => `${at === 0 ? head : indent}${line}`);
}

/** Sentences in lines that fit; lines that begin with a space are no sentences, and stand as they are. */
export function wrapProse(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => (/^\s/.test(line) ? line : hangingLines('', line, width).join('\n')))
    .join('\n');
}

/** Names and what is to be said of each, below one another. */
export function printFacts(
  { print, lineWidth }: { print(text: string): void; lineWidth: number },
  facts: readonly (readonly [name: string, text: string])[],
): void {
  const longest = Math.max(...facts.map(([name]) => name.length));
  for (const [name, text] of facts) {
    const head = `  ${name.padEnd(longest + 2)}`;
    for (const line of hangingLines(head, text, lineWidth)) print(line);
  }
}
