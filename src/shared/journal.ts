import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
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

const entrySchema = z.union([
  /** Written before the first send of an attempt: from then on its key's clock runs (S1). */
  z.object({ brief: z.string(), attempt: z.number().int().positive(), sentAt: z.number() }),
  /** Machines without this folder submit as well: what they send is not in this journal. */
  z.object({ elsewhere: z.literal(true) }),
]);

export type JournalHeader = z.infer<typeof headerSchema>;
type JournalEntry = z.infer<typeof entrySchema>;

interface Send {
  attempt: number;
  sentAt: number;
}

export interface JournalContent {
  header: JournalHeader;
  /** The latest send of each brief. */
  sends: Map<string, Send>;
  elsewhere: boolean;
}

export function journalPath(out: string): string {
  return join(out, 'journal.jsonl');
}

/** Null where there is none. A torn last line is one whose send did not happen, so it is passed over. */
export async function readJournal(out: string): Promise<JournalContent | null> {
  let content: JournalContent | null = null;
  for await (const { text, end } of readLines(journalPath(out))) {
    if (end === 'torn') break;
    const json: unknown = JSON.parse(text);
    if (content === null) {
      content = { header: headerSchema.parse(json), sends: new Map(), elsewhere: false };
      continue;
    }
    const entry = entrySchema.parse(json);
    if ('elsewhere' in entry) content.elsewhere = true;
    else content.sends.set(entry.brief, { attempt: entry.attempt, sentAt: entry.sentAt });
  }
  return content;
}

/** Appends to a batch's journal; several processes may do so at once, one line a write. */
export class Journal {
  private constructor(private readonly file: FileHandle) {}

  /** Opens the journal of an output folder, and begins it where there is none. */
  static async open(out: string, header: JournalHeader): Promise<Journal> {
    await mkdir(out, { recursive: true });
    const file = await open(journalPath(out), 'a');
    const { size } = await file.stat();
    const journal = new Journal(file);
    if (size === 0) {
      await journal.append(headerSchema.parse(header));
      await file.sync();
    }
    return journal;
  }

  /** Resolves when the entry would survive a kill of this process; a power cut may take the last moment. */
  note(entry: JournalEntry): Promise<void> {
    return this.append(entry);
  }

  async close(): Promise<void> {
    await this.file.sync();
    await this.file.close();
  }

  private async append(value: JournalHeader | JournalEntry): Promise<void> {
    await this.file.appendFile(`${JSON.stringify(value)}\n`);
  }
}
