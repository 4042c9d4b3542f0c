import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { manifestPath, readManifest } from '../results/manifest.js';
import { addressOf } from '../results/output-places.js';
import { parseJson } from '../shared/json.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { TextIndex } from '../shared/text-index.js';
import { writeFileDurably } from '../shared/write-file-durably.js';

interface Telling {
  onLine(line: ManifestLine, place: { out: string }): void | Promise<void>;
  consumer: string;
  log: Logger;
}

/** What is written at one moment is told together, and where it has come to is kept this often at most. */
const gatherMs = 200;
/** A batch that is let go writes its last lines without a word: its folder is looked at all the same. */
const lookAroundMs = 2_000;
/** One line in a thousand is not to hold up the others: so many may be tried again beside them. */
const mostFailing = 1_000;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/** Where a consumer has come to in a manifest; another file has another name. */
const markSchema = z.object({ file: z.string(), offset: z.number().int().nonnegative() });
type Mark = z.infer<typeof markSchema>;

/** The tellers of all folders of a process. */
export class LineTellers {
  private readonly tellers = new Map<string, LineTeller>();
  private readonly around = setInterval(() => this.wake(), lookAroundMs);
  private closed = false;

  constructor(private readonly telling: Telling) {}

  /** Folders of batches that may have ended before their last lines were told: a crash came in between. */
  async beginWith(folders: readonly string[]): Promise<void> {
    for (const out of folders) {
      // Of what was finished before anybody listened, nothing is told.
      if ((await readMark(markPath(out, this.telling.consumer))) !== null)
        this.tellerOf(out).wake();
    }
  }

  /** This process works on a batch: from now on, its folder is looked at. */
  expect(batch: string, folderOf: (batch: string) => Promise<string>): void {
    folderOf(batch).then(
      (out) => {
        if (out !== '' && !this.closed) this.tellerOf(out).wake();
      },
      (error: unknown) =>
        this.telling.log.warn({ err: error, batch }, 'no folder to tell lines of'),
    );
  }

  /** Lines may have been written. */
  wake(): void {
    for (const teller of this.tellers.values()) teller.wake();
  }

  /** Tells what is written by now, and what could not be told stays for the next process. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.around);
    await Promise.all([...this.tellers.values()].map((teller) => teller.close()));
  }

  private tellerOf(out: string): LineTeller {
    const known = this.tellers.get(out) ?? new LineTeller(out, this.telling);
    this.tellers.set(out, known);
    return known;
  }
}

interface Failing {
  line: ManifestLine;
  offset: number;
  tries: number;
  timer: NodeJS.Timeout;
}

/** Tells the lines of one folder, each at least once, from where its consumer has come to. */
class LineTeller {
  private readonly path: string;
  private mark: Mark | null = null;
  private readonly failing = new Map<number, Failing>();
  /** Of this process: a manifest that was replaced holds most of them once more. */
  private readonly told = new TextIndex(0);
  private timer: NodeJS.Timeout | undefined;
  private pass: Promise<void> = Promise.resolve();
  private closing = false;

  constructor(
    private readonly out: string,
    private readonly telling: Telling,
  ) {
    this.path = markPath(out, telling.consumer);
  }

  wake(): void {
    if (this.closing) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.begin();
    }, gatherMs);
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.begin();
    this.closing = true;
    await this.pass;
    for (const { timer } of this.failing.values()) clearTimeout(timer);
  }

  private begin(): void {
    this.inTurn(() => this.tellNew());
  }

  /** One after the other; what fails, such as a full disk, is tried again with the next, and ends no process. */
  private inTurn(work: () => Promise<void>): void {
    this.pass = this.pass.then(work).catch((error: unknown) => {
      this.telling.log.warn({ err: error, out: this.out }, 'lines could not be read to be told');
    });
  }

  private async tellNew(): Promise<void> {
    const found = await stat(manifestPath(this.out)).catch(() => null);
    if (found === null) return;
    const file = `${found.ino} ${found.birthtimeMs}`;
    this.mark ??= (await readMark(this.path)) ?? (await this.keep({ file, offset: 0 }));
    if (this.mark.file !== file) this.beginAnew(file);
    const before = this.mark.offset;
    if (found.size === before) return;
    for await (const { offset, length, ...row } of readManifest(this.out, before)) {
      if (row.kind === 'torn' || this.failing.size >= mostFailing) break;
      if (row.kind === 'line') await this.tell(row.line, offset, 1);
      this.mark = { file, offset: offset + length };
    }
    if (this.mark.offset !== before) await this.keep(this.mark);
  }

  /** A retry has replaced the manifest: what was not told of it stands in the new one, or is of no more use. */
  private beginAnew(file: string): void {
    this.mark = { file, offset: 0 };
    for (const { timer } of this.failing.values()) clearTimeout(timer);
    this.failing.clear();
  }

  private async tell(line: ManifestLine, offset: number, tries: number): Promise<void> {
    const key = `${line.attempt} ${line.brief_id}`;
    if (this.told.has(key)) return;
    try {
      await this.telling.onLine(line, { out: await addressOf(this.out) });
      this.told.claim(key);
    } catch (error) {
      const { brief_id: brief, batch } = line;
      this.telling.log.warn({ err: error, batch, brief, tries }, 'onLine threw; it is tried again');
      if (this.closing) return;
      const delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** (tries - 1));
      const timer = setTimeout(() => this.again(offset), delayMs);
      this.failing.set(offset, { line, offset, tries, timer });
    }
  }

  private again(offset: number): void {
    const failed = this.failing.get(offset);
    if (failed === undefined) return;
    this.inTurn(async () => {
      this.failing.delete(offset);
      await this.tell(failed.line, offset, failed.tries + 1);
      if (this.mark !== null) await this.keep(this.mark);
    });
    // There may be lines that waited for room.
    this.wake();
  }

  /** What a crash must not pass over is the first line that was not told. */
  private async keep(mark: Mark): Promise<Mark> {
    const offset = Math.min(mark.offset, ...this.failing.keys());
    await mkdir(join(this.out, folderName), { recursive: true });
    await writeFileDurably(this.path, `${JSON.stringify({ file: mark.file, offset })}\n`);
    return mark;
  }
}

const folderName = '.told';

function markPath(out: string, consumer: string): string {
  return join(out, folderName, `${encodeURIComponent(consumer)}.json`);
}

async function readMark(path: string): Promise<Mark | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  const parsed = markSchema.safeParse(text === null ? null : parseJson(text));
  return parsed.success ? parsed.data : null;
}
