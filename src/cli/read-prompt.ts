import { readFile, stat } from 'node:fs/promises';
import { BatchError } from '../shared/errors.js';

export interface PromptText {
  text: string | null;
  /** Where it was read from, as the user wrote it; null where it was typed. */
  file: string | null;
}

/** More than any request takes: it is the wrong file. */
const longestBytes = 256 * 1024;

/**
 * `@prompt.txt` is the text of that file, without its final line break; `@@home` is the text `@home`.
 *
 * @throws BatchError `bad_input` for a file that cannot be a prompt.
 */
export async function readPrompt(prompt: string | null): Promise<PromptText> {
  if (prompt === null || !prompt.startsWith('@')) return { text: prompt, file: null };
  if (prompt.startsWith('@@')) return { text: prompt.slice(1), file: null };
  const file = prompt.slice(1);
  const bytes = await readSmallFile(file);
  return { text: decode(bytes, file).replace(/\r?\n$/, ''), file };
}

async function readSmallFile(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > longestBytes) throw promptFault(file, `has ${size} bytes, too many for a prompt`);
    return await readFile(file);
  } catch (error) {
    if (error instanceof BatchError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const reason = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`;
    throw promptFault(file, `${reason}; text that begins with @ is written @@`, error);
  }
}

function decode(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw promptFault(file, 'is not UTF-8 text', error);
  }
}

function promptFault(file: string, reason: string, cause?: unknown): BatchError {
  return new BatchError('bad_input', `--prompt @${file}: ${reason}.`, { cause });
}
