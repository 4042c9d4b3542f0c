import { join, relative } from 'node:path';
import { type CompiledInput, compileInput } from '../producer/compile-input.js';
import { chooseChecks } from '../producer/input-checks.js';
import { referenceFetcher } from '../producer/references/fetch-reference.js';
import type { FetchReference } from '../producer/references/reference-files.js';
import {
  groupRejections,
  type RejectionGroup,
  rejectedFiles,
  rejectedLine,
  removeRejected,
  writeRejected,
} from '../producer/rejected-file.js';
import { BatchError } from '../shared/errors.js';
import { counted } from '../shared/quantities.js';
import type { Settings } from './environment.js';
import type { ReadingFlags } from './flags.js';
import { hangingLines } from './hanging-lines.js';
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
  for (const line of groupLines(groups, terminal)) terminal.warn(line);
  if (rejectedFile !== null) {
    const { jsonl, csv } = rejectedFiles(rejectedFile);
    terminal.note(`All of them, row by row: ${shortest(csv)}`);
    terminal.note(`For programs: ${shortest(jsonl)}`);
  } else if (!terminal.live) await printRejections(input, terminal);
  else if (groups.some(({ count }) => count > 1) || groups.length > mostGroups) {
    terminal.note('With --rejected FILE.csv they are written to a file, row by row.');
  }
  if (skipInvalid === 'refuse') {
    throw new BatchError(
      'bad_input',
      'Nothing was sent or spent. Mend these rows, or leave them out: --skip-invalid',
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
  return join(out, 'rejected.jsonl');
}
