import { randomUUID } from 'node:crypto';
import { type FileHandle, link, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fingerprintOf } from '../../shared/adopt-folder.js';
import { inChunks } from '../../shared/in-chunks.js';
import { Journal, type JournalHeader } from '../../shared/journal.js';
import { judgeLine } from '../../shared/judge-line.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import type { BriefOrigin, PreparedBrief } from '../../shared/prepared-brief.js';
import { syncFolder } from '../../shared/write-file-durably.js';
import { linkAssets } from './link-assets.js';
import type { PreviousBatch } from './previous-batch.js';
import { SucceededLines } from './succeeded-lines.js';
import { isThere } from './take-input.js';

export interface TakingOver {
  previous: PreviousBatch;
  /** Of the new batch, which is not open yet. */
  header: JournalHeader;
  out: string;
  nowMs: number;
  stopping: AbortSignal;
}

/** Files are looked at so many lines at once. */
const linesAtOnce = 16;

/**
 * Begins the folder of a batch with the lines and pictures of the previous one, for all briefs of the input that
 * succeeded there with the same content: opened after that, the batch takes them for made and pays for the rest (S1).
 * The manifest comes last and as a whole, so a repetition after a crash does it anew or finds it done; a picture
 * that is not as its line states (S5) is not taken over, and made anew.
 */
export async function takeOver(
  taking: TakingOver,
  briefs: AsyncIterable<PreparedBrief>,
): Promise<'done' | 'stopped'> {
  const { out, previous, stopping, header } = taking;
  const manifest = join(out, 'manifest.jsonl');
  if (await isThere(manifest)) return 'done';
  await (await Journal.open(out, header)).close();
  await mkdir(join(out, 'assets'), { recursive: true });
  const temporary = join(out, `.${randomUUID()}.part`);
  const lines = await SucceededLines.read(join(previous.folder, 'manifest.jsonl'));
  const file = await open(temporary, 'wx');
  try {
    let seq = 0;
    for await (const chunk of inChunks(briefs, linesAtOnce)) {
      if (stopping.aborted) return 'stopped';
      const taken = await Promise.all(chunk.map((brief) => takeBrief(taking, lines, brief)));
      seq = await append(file, taken, seq);
    }
    await file.sync();
    await syncFolder(join(out, 'assets'));
    if (seq > 0) await putInPlace(temporary, manifest);
    return 'done';
  } finally {
    await lines.close();
    await file.close();
    await rm(temporary, { force: true });
  }
}

async function takeBrief(
  { previous, header, out, nowMs }: TakingOver,
  lines: SucceededLines,
  brief: PreparedBrief,
): Promise<ManifestLine | null> {
  const text = await lines.textOf(brief.id);
  const judged = text === null ? null : judgeLine(text);
  if (judged?.kind !== 'line') return null;
  const { line } = judged;
  if (fingerprintOf(line) !== brief.fingerprint) return null;
  const root = await realpath(previous.folder);
  if ((await linkAssets(line.assets, { from: root, to: out })) === 'broken') return null;
  const now = new Date(nowMs).toISOString();
  return {
    ...line,
    ...placeOf(brief),
    batch: header.batch,
    credits: { reserved: 0, final: 0 },
    requests: { submits: 0, status_checks: 0 },
    times: { admitted: now, submitted: null, completed: null, collected: now },
    run: null,
    from: line.from ?? previous.name,
  };
}

/** Where the brief stands in the new input, and the columns that it has there. */
function placeOf({
  origin,
}: PreparedBrief): Pick<ManifestLine, 'row' | 'source' | 'metadata' | 'input'> {
  const { row, source, metadata, input } = JSON.parse(origin) as BriefOrigin;
  return { row, source, metadata, input };
}

async function append(
  file: FileHandle,
  taken: (ManifestLine | null)[],
  before: number,
): Promise<number> {
  const lines = taken
    .filter((line) => line !== null)
    .map((line, index) => `${JSON.stringify({ ...line, seq: before + index + 1 })}\n`);
  if (lines.length > 0) await file.appendFile(lines.join(''));
  return before + lines.length;
}

/** Never over one that is there: another worker may have been first, and its batch may have lines by now. */
async function putInPlace(temporary: string, manifest: string): Promise<void> {
  await link(temporary, manifest).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return;
    // A file system without hard links.
    if (!(await isThere(manifest))) await rename(temporary, manifest);
  });
  await syncFolder(join(manifest, '..'));
}
