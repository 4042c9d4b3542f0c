import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pc from 'picocolors';
import { type CompiledInput, compileInput } from '../producer/compile-input.js';
import { groupRejections, type RejectionGroup, writeRejected } from '../producer/rejected-file.js';
import { nearestName } from '../producer/suggest-name.js';
import { bundledModels } from '../rivya/catalogue/bundled-models.js';
import { BatchError } from '../shared/errors.js';
import { counted } from '../shared/quantities.js';
import type { ReadingFlags } from './flags.js';
import { readPrompt } from './read-prompt.js';
import type { Terminal } from './terminal.js';

/** Reads and checks the whole input; the options of the command line become the producer's. */
export async function compileFromFlags(
  files: string[],
  flags: ReadingFlags,
): Promise<CompiledInput> {
  const prompt = await readPrompt(flags.prompt ?? null);
  return compileInput({
    files,
    stdin: process.stdin,
    format: flags.format ?? null,
    delimiter: flags.delimiter ?? null,
    model: flags.model ?? null,
    prompt: prompt.text,
    promptFile: prompt.file,
    html: flags.keepHtml ? 'keep' : 'to_text',
    fileName: flags.name ?? null,
    references: flags.references ?? null,
    id: flags.id ?? null,
    params: flags.param,
    variants: flags.variants,
    limit: flags.limit ?? null,
    models: bundledModels(),
  });
}

/** Models that the list does not know, each with the nearest name that it does; they are not refused. */
export function unknownModels(input: CompiledInput): string[] {
  const known = bundledModels().map((model) => model.id);
  return [...input.modelUse.keys()]
    .filter((model) => !known.includes(model))
    .map((model) => {
      const near = nearestName(model, known);
      const hint = near === null ? '' : ` Did you mean ${near}?`;
      return `The model ${model} is not in the list of this version (rivya-batch models).${hint}`;
    });
}

export interface Reporting {
  terminal: Terminal;
  /** Where `rejected.jsonl` goes; null: each fault is printed. */
  rejectedFile: string | null;
  skipInvalid: 'skip' | 'refuse';
}

/**
 * Tells what is wrong with the input.
 * @throws BatchError `bad_input` where bad rows mean that nothing is to be spent
 */
export async function reportRejections(input: CompiledInput, reporting: Reporting): Promise<void> {
  const { terminal, rejectedFile, skipInvalid } = reporting;
  const { rejected } = input.counts;
  if (rejectedFile !== null) {
    // One of an earlier run would say what is no longer so.
    await rm(rejectedFile, { force: true });
    if (rejected > 0) await writeRejected(rejectedFile, input.rejections());
  }
  if (rejected === 0) return;
  terminal.warn(`${counted(rejected, 'row')} cannot be used:`);
  for (const group of await groupRejections(input.rejections())) {
    terminal.warn(`  ${rowsText(group)}: ${group.example}`);
  }
  if (rejectedFile === null) {
    for await (const rejection of input.rejections()) terminal.note(JSON.stringify(rejection));
  } else terminal.note(`All of them, row by row: ${rejectedFile}`);
  if (skipInvalid === 'refuse') {
    throw new BatchError(
      'bad_input',
      'Nothing was sent and nothing was spent. Mend these rows, or go on without them: --skip-invalid.',
    );
  }
}

/** "row 7", or "3 rows (7, 9, 12), the first". */
function rowsText({ count, firstRows }: RejectionGroup): string {
  const rows = firstRows.map(({ row }) => row).join(', ');
  if (count === 1) return `row ${rows}`;
  return `${count} rows ${pc.dim(`(${rows}${count > firstRows.length ? ', ...' : ''})`)}, the first`;
}

export function rejectedFileIn(out: string): string {
  return join(out, 'rejected.jsonl');
}
