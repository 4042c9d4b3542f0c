import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { decodeState } from '../ledger/brief-state.js';
import type { ManifestPlace, RewriteEntry, RewriteLedger } from '../ledger/rewrite-ledger.js';
import { fileNames } from '../results/file-names.js';
import { Journal } from '../results/journal.js';
import type { NewJob, StageQueues } from '../shared/queues.js';
import { type FileLine, readLines } from '../shared/read-lines.js';
import { syncFolder } from '../shared/write-file-durably.js';

export interface Rewriting {
  rewrite: RewriteLedger;
  queues: StageQueues;
  /** The manifest's folder. */
  out: string;
}

/** `busy`: somebody else is at it; if they are not heard of for so many ms, it may be taken over. */
export type RewriteEnd = { kind: 'none' } | { kind: 'done' } | { kind: 'busy'; waitMs: number };

/**
 * Carries out the rewrite of the manifest that is under way, from wherever a crash left it: lines that are to
 * be made again move to `history.jsonl`, then their briefs are open again (S4).
 *
 * 1. The plan is in the ledger since one step, and since then no line is written (`begin-rewrite.lua`).
 * 2. A work folder is made, then the rewrite is taken (`hold-rewrite.lua`), then the work folders of all others
 *    are cleared away. So whoever is overtaken, however long it was frozen, has nothing left to put in place.
 * 3. The journal learns for which attempt each brief is opened, and that the manifest is another one: a Redis that is
 *    lost, or goes back, must not bring an earlier one back.
 * 4. History and manifest are written there as a whole, from what counted when the plan was made, and renamed:
 *    repeated after a crash at any point, this leads to the same two files.
 * 5. The ledger learns the new file's length in one step, under a new generation (`swap-rewrite.lua`): a writer
 *    that still has the old file open cannot mark what it wrote there. Lines are written again from here on.
 * 6. Each brief is opened once (`apply-rewrite.lua`), gets its job, and only then leaves the plan.
 */
export async function completeRewrite(rewriting: Rewriting): Promise<RewriteEnd> {
  const { rewrite, out } = rewriting;
  if (!(await rewrite.underWay())) return { kind: 'none' };
  const folder = await makeWorkFolder(out);
  try {
    const work = await rewrite.hold(folder.token, 'take');
    if (work.kind === 'none' || work.kind === 'busy') return work;
    if (work.kind === 'applying') {
      await openBriefs(rewriting, work.generation);
      return { kind: 'done' };
    }
    await clearOthersAway(out, folder);
    for await (const entries of rewrite.entries()) await noteReopened(out, entries);
    await noteManifest(out, work.generation);
    const replaced = await replaceManifest({ rewrite, out, folder, place: work });
    if (replaced.kind === 'overtaken') return { kind: 'busy', waitMs: 0 };
    await openBriefs(rewriting, replaced.generation);
    return { kind: 'done' };
  } finally {
    await removeWorkFolder(folder.path);
  }
}

/** Opens what is left of the plan; a job that is there already is not added twice. */
async function openBriefs({ rewrite, queues, out }: Rewriting, generation: string): Promise<void> {
  for await (const entries of rewrite.entries()) {
    const ids = [...entries.keys()];
    await rewrite.apply(generation, ids);
    await noteReplaced({ rewrite, out }, entries);
    for (const stage of ['submit', 'status'] as const) {
      const jobs: NewJob[] = [];
      for (const [brief, entry] of entries) {
        if (entry.stage === stage) jobs.push({ brief, attempt: entry.attempt, delayMs: 0 });
      }
      if (jobs.length > 0) await queues.add(stage, jobs);
    }
    await rewrite.clear(generation, ids);
  }
}

interface Replacing {
  rewrite: RewriteLedger;
  out: string;
  folder: WorkFolder;
  /** What counted of the two files when the plan was made. */
  place: ManifestPlace & { historyBytes: number };
}

type Replaced = { kind: 'swapped'; generation: string } | { kind: 'overtaken' };

const linesAtOnce = 500;

/** Puts a manifest without the planned lines, and a history with them, in place of the old ones. */
async function replaceManifest(replacing: Replacing): Promise<Replaced> {
  try {
    return await replace(replacing);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    // Whoever took over has cleared this folder away.
    if (code === 'ENOENT' && path?.startsWith(replacing.folder.path)) return { kind: 'overtaken' };
    throw error;
  }
}

async function replace(replacing: Replacing): Promise<Replaced> {
  const { rewrite, folder } = replacing;
  const written = await writeFiles(replacing);
  if (written === 'overtaken') return { kind: 'overtaken' };
  // With no planned line left in it, the manifest is the new one already: a crash came before the next step.
  if (written.moved > 0 && (await putInPlace(replacing)) === 'overtaken') {
    return { kind: 'overtaken' };
  }
  return rewrite.swap(folder.token, written.keptBytes);
}

interface Written {
  keptBytes: number;
  moved: number;
}

/** Both files as a whole, in the work folder; safe on disk when this returns. */
async function writeFiles({
  rewrite,
  out,
  folder,
  place,
}: Replacing): Promise<Written | 'overtaken'> {
  const manifest = await open(join(folder.path, fileNames.manifest), 'w');
  const history = await open(join(folder.path, fileNames.history), 'w');
  try {
    for await (const lines of chunks(join(out, fileNames.history), place.historyBytes)) {
      await append(history, lines);
    }
    const written: Written = { keptBytes: 0, moved: 0 };
    for await (const lines of chunks(join(out, fileNames.manifest), place.offset)) {
      if ((await rewrite.hold(folder.token, 'keep')).kind !== 'planned') return 'overtaken';
      const { kept, moved } = await sortOut(rewrite, lines);
      written.keptBytes += await append(manifest, kept);
      written.moved += moved.length;
      await append(history, moved);
    }
    await manifest.sync();
    await history.sync();
    return written;
  } finally {
    await manifest.close();
    await history.close();
  }
}

/** The history first: a line that is in neither file would be lost, one in both is not there twice for long. */
async function putInPlace({ rewrite, out, folder }: Replacing): Promise<'in_place' | 'overtaken'> {
  if ((await rewrite.hold(folder.token, 'keep')).kind !== 'planned') return 'overtaken';
  for (const name of [fileNames.history, fileNames.manifest]) {
    await rename(join(folder.path, name), join(out, name));
    await syncFolder(out);
  }
  return 'in_place';
}

async function sortOut(rewrite: RewriteLedger, lines: string[]) {
  const briefs = lines.map(briefOf);
  const planned = await rewrite.planned(briefs.map(({ id }) => id));
  // A Redis that went back may carry out once more what was done: lines of later attempts stay.
  const moves = briefs.map(({ attempt }, index) => planned[index] === attempt);
  return {
    kept: lines.filter((_line, index) => !moves[index]),
    moved: lines.filter((_line, index) => moves[index]),
  };
}

/** No attempt for what is no line of ours: it stays where it is. */
function briefOf(line: string): { id: string; attempt: number | undefined } {
  const parsed = briefSchema.safeParse(parseJson(line));
  if (!parsed.success) return { id: '', attempt: undefined };
  const { brief_id: id, attempt } = parsed.data;
  return { id, attempt };
}

const briefSchema = z.object({ brief_id: z.string(), attempt: z.number() });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The lines of a file's first `bytes`. */
async function* chunks(path: string, bytes: number): AsyncGenerator<string[]> {
  let lines: string[] = [];
  for await (const line of within(path, bytes)) {
    lines.push(line.text);
    if (lines.length < linesAtOnce) continue;
    yield lines;
    lines = [];
  }
  if (lines.length > 0) yield lines;
}

async function* within(path: string, bytes: number): AsyncGenerator<FileLine> {
  for await (const line of readLines(path)) {
    if (line.offset >= bytes) return;
    yield line;
  }
}

async function append(file: FileHandle, lines: string[]): Promise<number> {
  if (lines.length === 0) return 0;
  const text = lines.map((line) => `${line}\n`).join('');
  await file.appendFile(text);
  return Buffer.byteLength(text);
}

/** Where one rewriter of a manifest makes new files: what is not there any more cannot be put in place. */
interface WorkFolder {
  /** Under which it asks the ledger. */
  token: string;
  path: string;
}

const head = '.rewrite-';

/** To be made before the rewrite is taken, never after it: see `completeRewrite`. */
async function makeWorkFolder(out: string): Promise<WorkFolder> {
  const token = randomUUID();
  const path = join(out, `${head}${token}`);
  await mkdir(path);
  return { token, path };
}

/** Removes the work folders of all others, crashed or frozen; one that lives starts over. */
async function clearOthersAway(out: string, own: WorkFolder): Promise<void> {
  for (const name of await readdir(out)) {
    const path = join(out, name);
    if (name.startsWith(head) && path !== own.path) await removeWorkFolder(path);
  }
}

/** Its owner may be adding to it in this very moment. */
async function removeWorkFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 10 });
}

type Entries = ReadonlyMap<string, RewriteEntry>;

/**
 * Notes in the journal for which attempt briefs are opened whose lines are about to leave the manifest. Nobody
 * else changes a brief that has its line, so this is what will be, whatever crashes.
 */
async function noteReopened(out: string, entries: Entries): Promise<void> {
  // One whose task is looked at again keeps its attempt, which the journal knows since it was sent.
  const reopened = [...entries].filter(
    ([, { stage, status }]) => stage === 'submit' && status !== 'pending',
  );
  await note(out, reopened);
}

/** The same for briefs that had no line: once it is sure that they were not sent meanwhile, and before they can be. */
async function noteReplaced(
  { rewrite, out }: { rewrite: RewriteLedger; out: string },
  entries: Entries,
): Promise<void> {
  const pending = [...entries].filter(([, { status }]) => status === 'pending');
  if (pending.length === 0) return;
  const found = await rewrite.candidates(pending.map(([id]) => id));
  const replaced = pending.filter(([, { attempt }], index) => {
    const text = found[index]?.stateText ?? null;
    return text !== null && decodeState(text).state.attempt === attempt;
  });
  await note(out, replaced);
}

/** Notes, before it is put in place, that the manifest is another file from now on: a Redis that went back knows less. */
async function noteManifest(out: string, generation: string): Promise<void> {
  const journal = await Journal.openBegun(out);
  await journal?.note({ manifest: Number(generation) + 1 });
  await journal?.close();
}

async function note(out: string, opened: [string, RewriteEntry][]): Promise<void> {
  if (opened.length === 0) return;
  const journal = await Journal.openBegun(out);
  if (journal === null) return;
  try {
    await journal.note(...opened.map(([brief, { attempt }]) => ({ brief, opened: attempt })));
  } finally {
    await journal.close();
  }
}
