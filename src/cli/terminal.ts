import { once } from 'node:events';
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { redactSecrets } from '../rivya/redact-secrets.js';

/**
 * What a person sees. Results go to stdout; progress, notes and warnings go to stderr, so that a pipe gets
 * results only. Everything passes the redactor (S8).
 */
export interface Terminal {
  /** Whether stderr shows live progress. */
  live: boolean;
  print(text: string): void;
  /** Long output as it is, at the reader's speed. */
  pipe(text: string): Promise<void>;
  note(text: string): void;
  warn(text: string): void;
  /** Replaces the live block; '' takes it away. Does nothing where progress is not live. */
  progress(block: string): void;
  width: number;
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
  const write = (text: string) => {
    if (block) update.clear();
    stderr.write(`${redactSecrets(text)}\n`);
    if (block) update(block);
  };
  return {
    live,
    width: stdout.columns ?? 80,
    print: (text) => stdout.write(`${redactSecrets(text)}\n`),
    pipe: async (text) => {
      if (stdout.writable && !stdout.write(text))
        await once(stdout, 'drain').catch(() => undefined);
    },
    note: (text) => write(text),
    warn: (text) => write(pc.yellow(text)),
    progress: (next) => {
      if (!live) return;
      block = redactSecrets(next);
      if (block) update(block);
      else update.clear();
    },
  };
}
