import { type FileHandle, open } from 'node:fs/promises';
import { type Decision, decisionsPath, judgeDecision } from '../../results/decisions.js';
import { historyPath, manifestPath } from '../../results/manifest.js';
import { fileMark } from '../../shared/file-mark.js';
import { newline, readLines } from '../../shared/read-lines.js';
import type { FolderLines } from './folder-lines.js';

/** What whoever looks at a folder is told as it comes, whichever process wrote it. */
export type FolderNews =
  /** `mark`: where the reading goes on after these. */
  | { kind: 'decisions'; mark: string; decisions: Decision[] }
  /** The batch has so many lines now; `rewritten`: others than before, as after a retry. */
  | { kind: 'lines'; lines: number; rewritten: boolean }
  /** Nothing for a while. */
  | { kind: 'quiet' };

const lookEveryMs = 1_000;
const looksUntilQuiet = 20;
const decisionsAtOnce = 500;

/**
 * Tells of a folder's decisions and lines. Files are looked at once a second while somebody listens, and never while nobody
 * does: a folder may be on a disk that tells of no changes.
 */
export class FolderFeed {
  private readonly wakers = new Set<() => void>();

  constructor(
    private readonly out: string,
    private readonly lines: FolderLines,
  ) {}

  /** How many listen. */
  get listeners(): number {
    return this.wakers.size;
  }

  /** Something was written by this process: whoever listens looks now. */
  wake(): void {
    for (const wake of this.wakers) wake();
  }

  /** Where the decisions end now: who reads them and then listens from here misses none. */
  async mark(): Promise<string> {
    return markText(await this.decisionsEnd());
  }

  /**
   * @param since a mark, from which decisions are told; null: from now on
   * @param signal ends it
   */
  async *listen(since: string | null, signal: AbortSignal): AsyncGenerator<FolderNews> {
    const waiter = new Waiter(lookEveryMs, signal);
    this.wakers.add(waiter.wake);
    try {
      let at = since === null ? await this.decisionsEnd() : readMark(since);
      let seen: string | null = null;
      for (let looks = 1; !signal.aborted; looks += 1) {
        for await (const news of this.decisionsSince(at)) {
          at = news.at;
          yield { kind: 'decisions', mark: markText(at), decisions: news.decisions };
        }
        const marks = `${await fileMark(manifestPath(this.out))} ${await fileMark(historyPath(this.out))}`;
        if (marks !== seen) {
          const first = seen === null;
          seen = marks;
          const before = this.lines.rewrites;
          await this.lines.refresh();
          const rewritten = !first && this.lines.rewrites !== before;
          yield { kind: 'lines', lines: this.lines.total, rewritten };
        }
        if (looks % looksUntilQuiet === 0) yield { kind: 'quiet' };
        await waiter.next();
      }
    } finally {
      this.wakers.delete(waiter.wake);
      waiter.end();
    }
  }

  private async *decisionsSince(
    since: Place,
  ): AsyncGenerator<{ at: Place; decisions: Decision[] }> {
    const { inode, end } = await this.decisionsEnd();
    const isSame = inode === since.inode && end >= since.end;
    if (isSame && end === since.end) return;
    let decisions: Decision[] = [];
    // Of another file, all are told: those that are known already change nothing.
    const at = isSame ? { ...since } : { inode, end: 0 };
    for await (const { text, offset, length, end: ending } of readLines(
      decisionsPath(this.out),
      at.end,
    )) {
      // It is being written.
      if (ending === 'torn') break;
      at.end = offset + length;
      const judged = judgeDecision(text);
      if (judged.kind === 'decision') decisions.push(judged.decision);
      if (decisions.length < decisionsAtOnce) continue;
      yield { at: { ...at }, decisions };
      decisions = [];
    }
    if (at.end > since.end || !isSame) yield { at, decisions };
  }

  /** Behind the last whole row: what is being written is told when it is there. */
  private async decisionsEnd(): Promise<Place> {
    const file = await open(decisionsPath(this.out), 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (file === null) return { inode: 0, end: 0 };
    try {
      const { ino: inode, size } = await file.stat();
      return { inode, end: await wholeRowsEnd(file, size) };
    } finally {
      await file.close();
    }
  }
}

const bytesAtOnce = 1 << 16;

async function wholeRowsEnd(file: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const begin = Math.max(0, end - (end === size ? 1 : bytesAtOnce));
    const { buffer } = await file.read(Buffer.alloc(end - begin), 0, end - begin, begin);
    const last = buffer.lastIndexOf(newline);
    if (last >= 0) return begin + last + 1;
    end = begin;
  }
  return 0;
}

/** Waits between two looks: until the time is up, something has happened, or it is over. */
class Waiter {
  private woken = false;
  private resume: (() => void) | null = null;

  constructor(
    private readonly ms: number,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener('abort', this.wake);
  }

  readonly wake = (): void => {
    this.woken = true;
    this.resume?.();
  };

  async next(): Promise<void> {
    if (!this.woken && !this.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.ms);
        this.resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.resume = null;
    }
    this.woken = false;
  }

  end(): void {
    this.signal.removeEventListener('abort', this.wake);
  }
}

/** In the file of decisions. */
interface Place {
  inode: number;
  end: number;
}

function markText({ inode, end }: Place): string {
  return `${inode}-${end}`;
}

function readMark(text: string): Place {
  const [, inode = '0', end = '0'] = /^(\d{1,16})-(\d{1,16})$/.exec(text) ?? [];
  return { inode: Number(inode), end: Number(end) };
}
