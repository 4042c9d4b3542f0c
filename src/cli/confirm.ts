import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { BatchError } from '../shared/errors.js';

/**
 * Asks the person at the terminal; everything but a yes is a no. The question goes to stderr, so that a pipe
 * gets results only.
 * @throws BatchError `usage` where nobody can be asked
 */
export async function confirm(question: string): Promise<'yes' | 'no'> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !stderr.isTTY) {
    throw new BatchError(
      'usage',
      'Nothing was changed: there is nobody to ask here. Give --yes to go on without being asked.',
    );
  }
  const line = createInterface({ input: stdin, output: stderr });
  try {
    // Ctrl+C and Ctrl+D close the line without an answer.
    const closed = once(line, 'close').then(() => '');
    const answer = await Promise.race([line.question(`${question} [y/N] `), closed]);
    return /^\s*y(es)?\s*$/i.test(answer) ? 'yes' : 'no';
  } finally {
    line.close();
  }
}
