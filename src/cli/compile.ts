import { join } from 'node:path';
import { type CompiledInput, compileInput } from '../producer/compile-input.js';
import { chooseChecks } from '../producer/input-checks.js';
import { referenceFetcher } from '../producer/references/fetch-reference.js';
import type { FetchReference } from '../producer/references/reference-files.js';
import {
  groupRejections,
  rejectedFiles,
  removeRejected,
  writeRejected,
} from '../producer/rejected-file.js';
import { BatchError } from '../shared/errors.js';
import { counted } from '../shared/quantities.js';
import type { Settings } from './environment.js';
import type { ReadingFlags } from './flags.js';
import type { ModelList } from './model-list.js';
import { readingOptions } from './reading-options.js';
import { userAgent } from './session.js';
import { rowsText } from './tell-warnings.js';
import type { Terminal } from './terminal.js';

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
  });
}

/** Gets references of models that take no URLs. */
export function fetcherFor({ origin, proxy, home }: Settings): FetchReference {
  return referenceFetcher({ origin, proxy, userAgent, folder: join(home, 'references') });
}

/** More kinds of faults than this are not read on a screen. */
const mostGroups = 12;
const mostOnScreen = 10;

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
    const files = rejectedFiles(rejectedFile);
    await removeRejected(files);
    if (rejected > 0) await writeRejected(files, input.rejections());
  }
  if (rejected === 0) return;
  terminal.warn(`${counted(rejected, 'row')} cannot be used:`);
  const groups = await groupRejections(input.rejections());
  for (const group of groups.slice(0, mostGroups)) {
    const first = group.count === 1 ? '' : ', the first';
    terminal.warn(`  ${rowsText(group)}${first}: ${group.example}`);
  }
  if (groups.length > mostGroups) terminal.warn(`  and ${groups.length - mostGroups} more kinds`);
  if (rejectedFile === null) await printRejections(input, terminal);
  else {
    const { jsonl, csv } = rejectedFiles(rejectedFile);
    terminal.note(`All of them, row by row: ${csv} (for programs: ${jsonl})`);
  }
  if (skipInvalid === 'refuse') {
    throw new BatchError(
      'bad_input',
      'Nothing was sent and nothing was spent. Mend these rows, or go on without them: --skip-invalid.',
    );
  }
}

/** One by one: to a pipe all of them, to a screen as many as one reads there. */
async function printRejections(input: CompiledInput, terminal: Terminal): Promise<void> {
  let shown = 0;
  for await (const rejection of input.rejections()) {
    if (terminal.live && shown === mostOnScreen) {
      terminal.note('... and more: --rejected FILE writes all of them.');
      return;
    }
    terminal.note(JSON.stringify(rejection));
    shown += 1;
  }
}

export function rejectedFileIn(out: string): string {
  return join(out, 'rejected.jsonl');
}
