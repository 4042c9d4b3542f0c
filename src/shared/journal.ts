import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BatchError } from './errors.js';
import type { JsonObject } from './json.js';
import { readLines } from './read-lines.js';

/** What a lost Redis must not take along; the first line of the journal says whose it is. */
const headerSchema = z.object({
  batch: z.string(),
  origin: z.string(),
  /** Hash over origin and key; the key itself is nowhere (S8). */
  account: z.string(),
  nonce: z.string(),
  createdAt: z.number(),
});

const jsonObject = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;

const entrySchema = z.union([
  /** Written before the first send of an attempt: from then on its key's clock runs (S1). */
  z.object({
    brief: z.string(),
    attempt: z.number().int().positive(),
    sentAt: z.number(),
    /** Reserved for it, until its price is known (S6). */
    credits: z.number().nonnegative().optional(),
    /** What it has in common with briefs of the same price. */
    kind: z.string().optional(),
    /** Of its content: the same attempt of other content is another request. */
    fingerprint: z.string().optional(),
    /** Where its body has placeholders for files: what was sent in place of its `referenceMediaItems`. */
    references: z.array(jsonObject).optional(),
  }),
  /** Written before a finished brief is opened again: what is made of it from then on is this attempt (S1). */
  z.object({ brief: z.string(), opened: z.number().int().positive() }),
  /** A run of the batch began. */
  z.object({ run: z.number().int().positive(), at: z.number(), forced: z.boolean() }),
  /** Machines without this folder submit as well: what they send is not in this journal. */
  z.object({ elsewhere: z.literal(true) }),
]);

export type JournalHeader = z.infer<typeof headerSchema>;
export type JournalEntry = z.infer<typeof entrySchema>;

export interface Send {
  attempt: number;
  sentAt: number;
  credits?: number | undefined;
  kind?: string | undefined;
  fingerprint?: string | undefined;
  references?: JsonObject[] | undefined;
}

interface NotedRun {
  run: number;
  /** Ms since the epoch. */
  at: number;
  forced: boolean;
}

export interface JournalContent {
  header: JournalHeader;
  runs: NotedRun[];
  /** The latest attempt for which each brief was opened again. */
  opened: Map<string, number>;
  /** The latest send of each brief. */
  sends: Map<string, Send>;
  elsewhere: boolean;
}

export function journalPath(out: string): string {
  return join(out, 'journal.jsonl');
}

/**
 * Null where there is none. A torn line is one whose send did not happen, so it is passed over; and so is the
 * second header where two processes began at once.
 */
export async function readJournal(out: string): Promise<JournalContent | null> {
  let content: JournalContent | null = null;
  for await (const { text, end } of readLines(journalPath(out))) {
    const json = end === 'torn' ? undefined : parseJson(text);
    if (json === undefined) continue;
    const header = headerSchema.safeParse(json);
    if (header.success) {
      content ??= emptyJournal(header.data);
      continue;
    }
    if (content === null) throw notOurs(out);
    addEntry(content, entrySchema.parse(json));
  }
  return content;
}

export function emptyJournal(header: JournalHeader): JournalContent {
  return { header, runs: [], opened: new Map(), sends: new Map(), elsewhere: false };
}

function addEntry(content: JournalContent, entry: JournalEntry): void {
  if ('elsewhere' in entry) content.elsewhere = true;
  else if ('run' in entry) content.runs.push(entry);
  else if ('opened' in entry) content.opened.set(entry.brief, entry.opened);
  else {
    const { brief, ...send } = entry;
    content.sends.set(brief, send);
  }
}

/** Whose a folder is from the first moment on; null where no journal was begun. */
export async function readJournalHeader(out: string): Promise<JournalHeader | null> {
  for await (const { text, end } of readLines(journalPath(out))) {
    const header = headerSchema.safeParse(end === 'torn' ? undefined : parseJson(text));
    if (header.success) return header.data;
  }
  return null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notOurs(out: string): BatchError {
  return new BatchError(
    'output_unusable',
    `${journalPath(out)} does not begin as a journal does: put it back as it was, or give another folder with --out.`,
  );
}

/** Appends to a batch's journal; several processes may do so at once, one line a write. */
export class Journal {
  private constructor(private readonly file: FileHandle) {}

  /**
   * Opens the journal of an output folder, and begins it where there is none: the first to do so has the folder.
   * @throws BatchError `batch_conflict` where it is another batch's
   */
  static async open(out: string, header: JournalHeader): Promise<Journal> {
    await mkdir(out, { recursive: true });
    const journal = new Journal(await open(journalPath(out), 'a+'));
    try {
      await journal.endTornLine();
      if ((await readJournalHeader(out)) === null) {
        await journal.append(headerSchema.parse(header));
        await journal.file.sync();
      }
      const owner = await readJournalHeader(out);
      if (owner?.batch === header.batch) return journal;
      throw new BatchError(
        'batch_conflict',
        `The folder ${out} holds the results of batch ${owner?.batch}: give another one with --out.`,
      );
    } catch (error) {
      await journal.file.close();
      throw error;
    }
  }

  /** Opens one that was begun; null where there is none. */
  static async openBegun(out: string): Promise<Journal | null> {
    const header = await readJournalHeader(out);
    return header === null ? null : Journal.open(out, header);
  }

  /** Resolves when the entry would survive a kill of this process; a power cut may take the last moment. */
  note(...entries: JournalEntry[]): Promise<void> {
    return this.append(...entries);
  }

  async close(): Promise<void> {
    await this.file.sync();
    await this.file.close();
  }

  /** What a crash cut off must not swallow the entry that comes next. */
  private async endTornLine(): Promise<void> {
    const { size } = await this.file.stat();
    if (size === 0) return;
    const { buffer } = await this.file.read(Buffer.alloc(1), 0, 1, size - 1);
    if (buffer.toString() !== '\n') await this.file.appendFile('\n');
  }

  private async append(...values: (JournalHeader | JournalEntry)[]): Promise<void> {
    await this.file.appendFile(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  }
}
