import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { BriefState } from '../ledger/brief-state.js';
import type { ManifestPlace } from '../ledger/reopened-ledger.js';
import { fileNames } from '../results/file-names.js';
import { Journal, type JournalEntry } from '../results/journal.js';
import { publish } from '../results/mirror.js';
import { wordsIn } from '../shared/brief.js';
import { parseJson } from '../shared/json.js';
import { bytesOf, readLines } from '../shared/read-lines.js';
import { syncFolder } from '../shared/write-file-durably.js';
import { addJobs } from './add-jobs.js';
import type { LocalBatch } from './adopt-folder.js';
import { takeVerdicts } from './steps.js';

/** The one who opens briefs of a batch again and replaces its manifest. */
export interface ManifestHold extends ManifestPlace {
  /** Under which it asks the ledger. */
  token: string;
  /** Where it makes new files: what is not there any more cannot be put in place. */
  folder: string;
}

const linesAtOnce = 500;
const folderHead = '.rewrite-';

/**
 * Works with the hold on a batch's manifest, once nobody else has it. A work folder is made *before* it is taken, and those
 * of all others are cleared away *after* that: whoever is overtaken, however long it was frozen, has nothing left to put in
 * place.
 * @returns `not_now`: there is nothing to settle; or there is, and nothing is opened before that
 */
export async function holdManifest<T>(
  { ledger, out }: LocalBatch,
  why: 'open' | 'settle',
  work: (hold: ManifestHold) => Promise<T>,
): Promise<T | 'not_now'> {
  for (;;) {
    const token = randomUUID();
    const folder = join(out, `${folderHead}${token}`);
    await mkdir(folder);
    try {
      const held = await ledger.reopened.hold(token, why);
      switch (held.kind) {
        case 'not_now':
          return 'not_now';
        case 'held': {
          await clearOthersAway(out, folder);
          // With nothing open again, the history is whole as it stands.
          const historyBytes =
            why === 'open' ? await bytesOf(join(out, fileNames.history)) : held.historyBytes;
          return await work({ ...held, token, folder, historyBytes });
        }
        case 'busy':
          await sleep(Math.min(held.waitMs + 50, 500));
          break;
        default:
          held satisfies never;
      }
    } finally {
      await removeFolder(folder);
    }
  }
}

/** One that lives starts over. */
async function clearOthersAway(out: string, own: string): Promise<void> {
  for (const name of await readdir(out)) {
    const path = join(out, name);
    if (name.startsWith(folderHead) && path !== own) await removeFolder(path);
  }
}

/** Its owner may be adding to it in this very moment. */
async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 10 });
}

/**
 * Moves the lines of reopened briefs from the manifest to `history.jsonl` and gives the briefs their jobs (S4). The ledger
 * says which they are, so it can be repeated from wherever a crash left it, and no line is written before it is done:
 *
 * 1. The journal learns for which attempt each brief is open, with which words where they are not its row's, and that the manifest is another one: a Redis that is lost,
 *    or goes back, must not bring an earlier one back. Before this step nothing of it shows in the folder.
 * 2. History and manifest are written in the work folder as a whole, from what counted when the first brief was opened,
 *    and renamed. Repeated after a crash at any point, this leads to the same two files.
 * 3. The briefs get their jobs. One that is there already is not added twice, and one whose brief is further on does
 *    nothing.
 * 4. The ledger learns the new file's length, and is without reopened briefs, in one step (`settle-reopened.lua`). Where
 *    that is not the one who holds the manifest any more, nothing is changed.
 */
export async function settleReopened(
  batch: LocalBatch,
  hold: ManifestHold,
): Promise<'settled' | 'overtaken'> {
  const { ledger, out } = batch;
  const { token, folder, generation, offset } = hold;
  const manifest = Number(generation) + 1;
  try {
    const found = await noteReopened(batch, manifest);
    // No other file comes: one that the journal told of would be later than what the ledger knows (S1).
    if (found === 'none') return await ledger.reopened.settle(token, offset);
    const bytes = found === 'lined' ? await replaceManifest(batch, hold) : offset;
    if (bytes === 'overtaken') return bytes;
    // A step that was not made because of a person's no is judged by what is said now.
    if ((await ledger.meta())?.outputs.length !== 0) await takeVerdicts(batch, out);
    if ((await addJobsOfReopened(batch, token)) === 'overtaken') return 'overtaken';
    if ((await ledger.reopened.settle(token, bytes)) === 'overtaken') return 'overtaken';
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    // Whoever took over has cleared this folder away.
    if (code === 'ENOENT' && path?.startsWith(folder)) return 'overtaken';
    throw error;
  }
  await note(out, [{ manifest, settled: true }]);
  return 'settled';
}

/** Returns whether there are any, and any of them with a line. */
async function noteReopened(
  { ledger, out }: LocalBatch,
  manifest: number,
): Promise<'lined' | 'without_lines' | 'none'> {
  let found: 'lined' | 'without_lines' | 'none' = 'none';
  const journal = await Journal.openBegun(out);
  try {
    for await (const [attempts, states] of reopened(ledger)) {
      const anew = new Map<string, BriefState>();
      for (const [brief, lineAttempt] of attempts) {
        if (lineAttempt > 0) found = 'lined';
        else if (found === 'none') found = 'without_lines';
        const state = states.get(brief);
        // One whose task is looked at again keeps its attempt, which the journal knows since it was sent.
        if (state !== undefined && state.attempt > lineAttempt) anew.set(brief, state);
      }
      await journal?.note(...(await openedNotes(ledger, anew)));
    }
    if (found !== 'none') await journal?.note({ manifest });
  } finally {
    await journal?.close();
  }
  if (found !== 'none') await publish(out);
  return found;
}

/** What a lost Redis must not take along of briefs that were opened again for another attempt. */
async function openedNotes(
  ledger: LocalBatch['ledger'],
  states: ReadonlyMap<string, BriefState>,
): Promise<JournalEntry[]> {
  const contents = await ledger.briefs.readContents([...states.keys()]);
  return [...states].map(([brief, { attempt: opened, fingerprint }], index) => {
    const words = wordsIn(contents[index] ?? '');
    return { brief, opened, ...(words !== null && { words, fingerprint }) };
  });
}

async function addJobsOfReopened(
  { ledger, queues }: LocalBatch,
  token: string,
): Promise<'added' | 'overtaken'> {
  for await (const [, states] of reopened(ledger)) {
    await addJobs({ ledger, queues }, states);
    if ((await ledger.reopened.hold(token, 'keep')).kind !== 'held') return 'overtaken';
  }
  return 'added';
}

/** Briefs that are open again, with the attempts of their lines and where they stand. */
async function* reopened(
  ledger: LocalBatch['ledger'],
): AsyncGenerator<[ReadonlyMap<string, number>, ReadonlyMap<string, BriefState>]> {
  for await (const attempts of ledger.reopened.all()) {
    yield [attempts, await ledger.briefs.states([...attempts.keys()])];
  }
}

/** Returns how long the new manifest is. */
async function replaceManifest(
  batch: LocalBatch,
  hold: ManifestHold,
): Promise<number | 'overtaken'> {
  const { ledger, out } = batch;
  const { token, folder } = hold;
  const written = await writeFiles(batch, hold);
  if (written === 'overtaken') return written;
  // With none of those lines left in it, the manifest is the new one already: a crash came before the next step.
  if (written.moved === 0) return written.keptBytes;
  if ((await ledger.reopened.hold(token, 'keep')).kind !== 'held') return 'overtaken';
  // The history first: a line that is in neither file would be lost, one in both is not there twice for long.
  for (const name of [fileNames.history, fileNames.manifest]) {
    await rename(join(folder, name), join(out, name));
    await syncFolder(out);
  }
  await publish(out);
  return written.keptBytes;
}

/** Both files as a whole, in the work folder; safe on disk when this returns. */
async function writeFiles(
  { ledger, out }: LocalBatch,
  { token, folder, offset, historyBytes }: ManifestHold,
): Promise<{ keptBytes: number; moved: number } | 'overtaken'> {
  const manifest = await open(join(folder, fileNames.manifest), 'w');
  const history = await open(join(folder, fileNames.history), 'w');
  try {
    // Killed between the two renames, and Redis lost: then a line that moves is there already.
    const there = new Set<string>();
    for await (const lines of chunks(join(out, fileNames.history), historyBytes)) {
      await append(history, lines);
      const moves = await movingIn(ledger, lines);
      for (const [index, line] of lines.entries()) if (moves[index]) there.add(line);
    }
    const written = { keptBytes: 0, moved: 0 };
    for await (const lines of chunks(join(out, fileNames.manifest), offset)) {
      if ((await ledger.reopened.hold(token, 'keep')).kind !== 'held') return 'overtaken';
      const moves = await movingIn(ledger, lines);
      written.keptBytes += await append(
        manifest,
        lines.filter((_line, index) => !moves[index]),
      );
      const moved = lines.filter((_line, index) => moves[index]);
      written.moved += moved.length;
      await append(
        history,
        moved.filter((line) => !there.has(line)),
      );
    }
    await manifest.sync();
    await history.sync();
    return written;
  } finally {
    await manifest.close();
    await history.close();
  }
}

/** A Redis that went back may settle once more what was settled: lines of later attempts stay. */
async function movingIn(
  ledger: LocalBatch['ledger'],
  lines: readonly string[],
): Promise<boolean[]> {
  const briefs = lines.map(briefOf);
  const attempts = await ledger.reopened.lineAttempts(briefs.map(({ id }) => id));
  return briefs.map(({ attempt }, index) => attempts[index] === attempt);
}

/** No attempt for what is no line of ours: it stays where it is. */
function briefOf(line: string): { id: string; attempt: number | undefined } {
  const parsed = briefSchema.safeParse(parseJson(line));
  if (!parsed.success) return { id: '', attempt: undefined };
  const { brief_id: id, attempt } = parsed.data;
  return { id, attempt };
}

const briefSchema = z.object({ brief_id: z.string(), attempt: z.number() });

/** The lines of a file's first `bytes`. */
async function* chunks(path: string, bytes: number): AsyncGenerator<string[]> {
  let lines: string[] = [];
  for await (const { text, offset } of readLines(path)) {
    if (offset >= bytes) break;
    lines.push(text);
    if (lines.length < linesAtOnce) continue;
    yield lines;
    lines = [];
  }
  if (lines.length > 0) yield lines;
}

async function append(file: FileHandle, lines: string[]): Promise<number> {
  if (lines.length === 0) return 0;
  const text = lines.map((line) => `${line}\n`).join('');
  await file.appendFile(text);
  return Buffer.byteLength(text);
}

async function note(out: string, entries: Parameters<Journal['note']>): Promise<void> {
  const journal = await Journal.openBegun(out);
  await journal?.note(...entries);
  await journal?.close();
}
