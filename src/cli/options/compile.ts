import { readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type CompiledInput, compileInput } from '../../producer/compile-input.js';
import { chooseChecks, type InputOptions } from '../../producer/options.js';
import {
  groupRejections,
  type RejectionGroup,
  rejectedFiles,
  rejectedLine,
  removeRejected,
  writeRejected,
} from '../../producer/rejected-file.js';
import { fileNames } from '../../results/file-names.js';
import type { Schedule } from '../../schedule/schedule.js';
import type { Settings } from '../../session/environment.js';
import type { ModelList } from '../../session/model-list.js';
import { fetcherFor, inputFetcherFor } from '../../session/open-client.js';
import { BatchError, whyUnreadable } from '../../shared/errors.js';
import { counted } from '../../shared/quantities.js';
import { rowsText } from '../text/sentences.js';
import { hangingLines, type Terminal } from '../text/terminal.js';
import type { ReadingFlags } from './flags.js';

/** Reads and checks the whole input; the options of the command line become the producer's. */
export async function compileFromFlags(
  files: string[],
  flags: ReadingFlags,
  { settings, list }: { settings: Settings; list: ModelList },
): Promise<CompiledInput> {
  const { strict, ...options } = await readingOptions(flags);
  return compileInput({
    files,
    stdin: process.stdin,
    ...options,
    models: list.models,
    checks: chooseChecks(list, { strict }),
    fetchReference: fetcherFor(settings),
    fetchSource: inputFetcherFor(settings),
  });
}

/** More kinds of faults than this are not read on a screen. */
const mostGroups = 12;

/**
 * Tells what is wrong with the input.
 * @param rejectedFile where `rejected.jsonl` goes; null: each fault is printed
 * @throws BatchError `bad_input` where bad rows mean that nothing is to be spent
 */
export async function reportRejections(
  input: CompiledInput,
  terminal: Terminal,
  rejectedFile: string | null,
  invalid: 'skip' | 'refuse',
): Promise<void> {
  const { rejected } = input.counts;
  if (rejectedFile !== null) {
    const files = rejectedFiles(rejectedFile);
    await removeRejected(files);
    if (rejected > 0) await writeRejected(files, input.rejections());
  }
  if (rejected === 0) return;
  terminal.warn(`${counted(rejected, 'row')} cannot be used:`);
  const groups = await groupRejections(input.rejections());
  for (const line of groupLines(groups, terminal)) terminal.warn(line);
  if (rejectedFile !== null) {
    const { jsonl, csv } = rejectedFiles(rejectedFile);
    terminal.note(`All of them, row by row: ${shortest(csv)}`);
    terminal.note(`For programs: ${shortest(jsonl)}`);
  } else if (!terminal.live) await printRejections(input, terminal);
  else if (groups.some(({ count }) => count > 1) || groups.length > mostGroups) {
    terminal.note('--rejected FILE.csv writes all of them to a file, row by row.');
  }
  if (invalid === 'refuse') {
    throw new BatchError(
      'bad_input',
      'Nothing was sent or spent. Correct these rows, or leave them out with --skip-invalid.',
    );
  }
}

/** Below each other on a screen; to a pipe each in one line, which can be searched. */
function groupLines(groups: RejectionGroup[], { live, width }: Terminal): string[] {
  const lines = groups.slice(0, mostGroups).map((group) => {
    const first = group.count === 1 ? '' : ', the first';
    return `${rowsText(group)}${first}: ${group.example}`;
  });
  if (groups.length > mostGroups) lines.push(`and ${groups.length - mostGroups} more kinds`);
  return lines.flatMap((line) => (live ? hangingLines('  - ', line, width) : `  ${line}`));
}

/** One by one, for whatever reads the pipe: as in `rejected.jsonl`. */
async function printRejections(input: CompiledInput, terminal: Terminal): Promise<void> {
  for await (const rejection of input.rejections()) terminal.note(rejectedLine(rejection));
}

function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}

export function rejectedFileIn(out: string): string {
  return join(out, fileNames.rejected);
}

/** How an input is read, as a schedule keeps it too; `promptFile` names the prompt in a fault. */
type ReadingOptions = Schedule['input'] &
  Pick<InputOptions, 'placeOf'> & { promptFile: string | null };

/**
 * What flags say of reading an input, with prompts read from their files.
 * @throws BatchError `bad_input` for a file that cannot be a prompt
 */
export async function readingOptions(flags: ReadingFlags): Promise<ReadingOptions> {
  const prompt = await readPrompt(flags.prompt ?? null);
  const outputs = (flags.outputs ?? []).map(async (output) => {
    return { ...output, prompt: (await readPrompt(output.prompt)).text };
  });
  return {
    format: flags.format ?? null,
    delimiter: flags.delimiter ?? null,
    headerRow: flags.headerRow ?? null,
    sheet: flags.sheet ?? null,
    items: flags.items ?? null,
    model: flags.model ?? null,
    prompt: prompt.text,
    promptFile: prompt.file,
    html: flags.keepHtml ? 'keep' : 'to_text',
    fileName: flags.name ?? null,
    references: flags.references ?? null,
    id: flags.id ?? null,
    params: flags.param,
    variants: flags.variants,
    outputs: await Promise.all(outputs),
    ...(flags.placeOf && { placeOf: flags.placeOf }),
    fillDown: flags.fillDown,
    fillDownWithin: flags.fillDownWithin ?? null,
    where: flags.where,
    unique: flags.unique ?? null,
    limit: flags.limit ?? null,
    sample: flags.sample ?? null,
    strict: flags.strict ?? false,
  };
}

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
    throw promptFault(
      file,
      `${whyUnreadable(error)}; text that begins with @ is written @@`,
      error,
    );
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
