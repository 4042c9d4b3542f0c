import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { OpenedBatch } from '../../batch/continue-batch.js';
import { wholeEstimate } from '../../forecast/credits.js';
import { BatchError } from '../../shared/errors.js';
import { counted } from '../../shared/quantities.js';
import type { InputRequest } from '../commands/run-request.js';
import type { Terminal } from './terminal.js';

/**
 * Says what it costs to make everything anew, and asks where somebody can be asked; a script has said it by the option.
 * @throws BatchError `usage` after a no
 */
export async function agreeToForce(
  terminal: Terminal,
  { context, comparison }: OpenedBatch,
  { input, models, flags }: InputRequest,
): Promise<void> {
  if (comparison.forced + comparison.changed === 0) return;
  const estimate = await wholeEstimate(context.account, { input, models });
  const many = counted(comparison.forced, 'unchanged brief');
  terminal.note(`--force: ${many} made and paid again. Estimate for the whole input: ${estimate}.`);
  if (flags.yes || !canAsk()) return;
  if ((await confirm('Go on?')) === 'yes') return;
  throw new BatchError('usage', 'Nothing was changed and nothing was sent.');
}

/** Whether there is a person at the terminal. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/**
 * Asks the person at the terminal; everything but a yes is a no. The question goes to stderr, so that a pipe
 * gets results only.
 * @throws BatchError `usage` where nobody can be asked
 */
export async function confirm(question: string): Promise<'yes' | 'no'> {
  const { stdin, stderr } = process;
  if (!canAsk()) {
    throw new BatchError(
      'usage',
      'Nothing was changed: this needs a yes, and there is no terminal to ask at. To agree beforehand, add --yes.',
    );
  }
  const line = createInterface({ input: stdin, output: stderr });
  try {
    // Ctrl+C and Ctrl+D close the line without an answer.
    const closed = once(line, 'close').then(() => '');
    const asked = line.question(`${question} [y/N] `).catch(async (error: Error) => {
      // Node rejects the question on Ctrl+C, besides closing the line.
      if (error.name !== 'AbortError') throw error;
      return closed;
    });
    const answer = await Promise.race([asked, closed]);
    return /^\s*y(es)?\s*$/i.test(answer) ? 'yes' : 'no';
  } finally {
    line.close();
  }
}
