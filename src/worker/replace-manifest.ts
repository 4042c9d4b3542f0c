import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ManifestPlace, RewriteLedger } from '../shared/ledger/rewrite-ledger.js';
import { type FileLine, readLines } from '../shared/read-lines.js';
import { syncFolder } from '../shared/write-file-durably.js';
import type { WorkFolder } from './work-folder.js';

export interface Replacing {
  rewrite: RewriteLedger;
  out: string;
  folder: WorkFolder;
  /** What counted of the two files when the plan was made. */
  place: ManifestPlace & { historyBytes: number };
}

type Replaced = { kind: 'swapped'; generation: string } | { kind: 'overtaken' };

const linesAtOnce = 500;

/** Puts a manifest without the planned lines, and a history with them, in place of the old ones. */
export async function replaceManifest(replacing: Replacing): Promise<Replaced> {
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
  const manifest = await open(join(folder.path, 'manifest.jsonl'), 'w');
  const history = await open(join(folder.path, 'history.jsonl'), 'w');
  try {
    for await (const lines of chunks(join(out, 'history.jsonl'), place.historyBytes)) {
      await append(history, lines);
    }
    const written: Written = { keptBytes: 0, moved: 0 };
    for await (const lines of chunks(join(out, 'manifest.jsonl'), place.offset)) {
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
  for (const name of ['history.jsonl', 'manifest.jsonl']) {
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
