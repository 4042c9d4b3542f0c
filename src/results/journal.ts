import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { requestIdsSchema } from '../shared/brief.js';
import { BatchError } from '../shared/errors.js';
import { type JsonObject, parseJson } from '../shared/json.js';
import { endsTorn, inChunks, readLines } from '../shared/read-lines.js';
import type { ReferenceFile } from '../shared/reference-items.js';
import { checkFolderFormat, claimFolderFormat } from '../shared/state-format.js';
import { type TaskCategory, taskCategorySchema } from '../shared/task-category.js';
import { writeFileDurably } from '../shared/write-file-durably.js';
import { fileNames } from './file-names.js';

/** What a lost Redis must not take along; the first line of the journal says whose it is. */
const headerSchema = z.object({
  batch: z.string(),
  origin: z.string(),
  /** Hash over origin and key; the key itself is nowhere (S8). */
  account: z.string(),
  nonce: z.string(),
  createdAt: z.number(),
  requestIds: requestIdsSchema.default('none'),
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
    /** POSTs so far, this one included: tells whether a ledger knows of it. */
    sends: z.number().int().positive().optional(),
    seq: z.number().int().positive().optional(),
    admittedAt: z.number().optional(),
    madeBy: z.number().int().positive().optional(),
    /** Origin and body, as the ledger keeps them: the row may have left the input by the time that it is asked for. */
    content: z.string().optional(),
  }),
  /** The API took it: from now on it is looked at, however old its key is (S3). */
  z.object({
    brief: z.string(),
    attempt: z.number().int().positive(),
    task: z.string(),
    at: z.number(),
    category: taskCategorySchema,
    /** What the API states that it costs; null where it states nothing. */
    reserved: z.number().nullable(),
  }),
  /** Written before a finished brief is opened again: what is made of it from then on is this attempt (S1). */
  z.object({
    brief: z.string(),
    opened: z.number().int().positive(),
    /** A person's words that are sent in place of the row's prompt, as long as that has this fingerprint. */
    words: z.string().optional(),
    fingerprint: z.string().optional(),
  }),
  /** A run of the batch began. */
  z.object({ run: z.number().int().positive(), at: z.number(), forced: z.boolean() }),
  /** A file that briefs refer to, noted when the batch leaves Redis: what is opened again later is made with it. */
  z.object({
    file: z.string(),
    path: z.string(),
    bytes: z.number(),
    mediaType: z.string(),
    name: z.string(),
  }),
  /** Machines without this folder submit as well: what they send is not in this journal. */
  z.object({ elsewhere: z.literal(true) }),
  /** The manifest is about to be replaced, by the file of this generation; or, `settled`, it is, and the ledger knows it. */
  z.object({ manifest: z.number().int().positive(), settled: z.literal(true).optional() }),
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
  sends?: number | undefined;
  seq?: number | undefined;
  admittedAt?: number | undefined;
  madeBy?: number | undefined;
  /** Where in the journal its content stands: a million of them would not fit into memory. */
  contentAt?: number | undefined;
}

/** What the API made of a send that it took. */
export interface NotedTask {
  attempt: number;
  task: string;
  /** Ms since the epoch. */
  at: number;
  category: TaskCategory;
  reserved: number | null;
}

/** A person's words for an attempt that was opened, and of which row. */
interface NotedWords {
  attempt: number;
  words: string;
  fingerprint: string;
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
  /** Of the briefs whose latest such attempt is made with a person's words: these. */
  reworded: Map<string, NotedWords>;
  /** The latest send of each brief. */
  sends: Map<string, Send>;
  /** The task of the latest attempt of each brief that has one. */
  tasks: Map<string, NotedTask>;
  elsewhere: boolean;
  /** Generation of the latest manifest, which may not be in place yet; 0 where it was never replaced. */
  manifest: number;
  /** Generation of the latest that the ledger knew of. */
  settled: number;
  /** Where its complete lines end, in bytes. */
  end: number;
}

export function journalPath(out: string): string {
  return join(out, fileNames.journal);
}

/** Of briefs that notes are about, those whose notes are to be kept: a million of them would not fit into memory. */
export type ChooseBriefs = (briefs: ReadonlySet<string>) => Promise<ReadonlySet<string>>;

const notesAtOnce = 500;

/**
 * What stands in the journal from a place on; null where there is none. A torn line is one whose send did not happen, so
 * it is passed over; and so is the second header where two processes began at once.
 */
export async function readJournal(
  out: string,
  fromOffset = 0,
  choose: ChooseBriefs = async (briefs) => briefs,
): Promise<JournalContent | null> {
  const header = fromOffset === 0 ? null : await readJournalHeader(out);
  let content = header === null ? null : emptyJournal(header);
  for await (const notes of inChunks(readNotes(out, fromOffset), notesAtOnce)) {
    const chosen = await choose(new Set(notes.flatMap(briefsOf)));
    for (const note of notes) {
      if (note.kind === 'header') content ??= emptyJournal(note.header);
      else if (note.kind === 'foreign' || (note.kind === 'entry' && content === null)) {
        throw notOurs(out);
      }
      if (content === null) continue;
      content.end = note.end;
      if (note.kind !== 'entry' || !briefsOf(note).every((brief) => chosen.has(brief))) continue;
      addEntry(content, note.entry, note.offset);
    }
  }
  return content;
}

function briefsOf(note: FoundNote): string[] {
  return note.kind === 'entry' && 'brief' in note.entry ? [note.entry.brief] : [];
}

/** The content of a send, where the journal has it. */
export async function readContentAt(out: string, offset: number): Promise<string | null> {
  for await (const note of readNotes(out, offset)) {
    if (note.kind !== 'entry') throw notOurs(out);
    return ('content' in note.entry && note.entry.content) || null;
  }
  return null;
}

export function emptyJournal(header: JournalHeader): JournalContent {
  return {
    header,
    runs: [],
    opened: new Map(),
    reworded: new Map(),
    sends: new Map(),
    tasks: new Map(),
    elsewhere: false,
    manifest: 0,
    settled: 0,
    end: 0,
  };
}

function addEntry(content: JournalContent, entry: JournalEntry, offset: number): void {
  if ('elsewhere' in entry) content.elsewhere = true;
  else if ('run' in entry) content.runs.push(entry);
  else if ('file' in entry) return;
  else if ('opened' in entry) addOpened(content, entry);
  else if ('manifest' in entry) {
    content.manifest = Math.max(content.manifest, entry.manifest);
    if (entry.settled) content.settled = Math.max(content.settled, entry.manifest);
  } else if ('task' in entry) {
    const { brief, ...task } = entry;
    content.tasks.set(brief, task);
  } else {
    const { brief, content: text, ...send } = entry;
    content.sends.set(brief, text === undefined ? send : { ...send, contentAt: offset });
  }
}

/** One who slept meanwhile notes what he knows of later attempts as well; and once such a one has ended, less of it. */
function addOpened(
  { opened, reworded }: JournalContent,
  { brief, opened: attempt, words, fingerprint }: Extract<JournalEntry, { opened: number }>,
): void {
  const known = opened.get(brief) ?? 0;
  if (attempt < known) return;
  opened.set(brief, attempt);
  if (words !== undefined && fingerprint !== undefined) {
    reworded.set(brief, { attempt, words, fingerprint });
  } else if (attempt > known) reworded.delete(brief);
}

/** The files that briefs of a batch refer to which has left Redis, in chunks. */
export async function* readNotedFiles(out: string): AsyncGenerator<ReferenceFile[]> {
  const notes = readNotes(out, 0, (text) => text.startsWith('{"file":'));
  for await (const chunk of inChunks(notes, notesAtOnce)) {
    yield chunk.flatMap((note) => {
      if (note.kind !== 'entry' || !('file' in note.entry)) return [];
      const { file: sha256, ...where } = note.entry;
      return [{ sha256, ...where }];
    });
  }
}

/** Whose a folder is from the first moment on; null where no journal was begun. */
export async function readJournalHeader(out: string): Promise<JournalHeader | null> {
  for await (const note of readNotes(out)) if (note.kind === 'header') return note.header;
  return null;
}

/** As `readJournalHeader`, of a journal's beginning. */
export function headerIn(beginning: string): JournalHeader | null {
  for (const text of beginning.split('\n').slice(0, -1)) {
    const note = judgeNote(text);
    if (note.kind === 'header') return note.header;
  }
  return null;
}

/** What stands in one line of a journal. */
type FoundNote = {
  /** In bytes. */
  offset: number;
  /** Where the line ends, in bytes. */
  end: number;
} & (
  | { kind: 'header'; header: JournalHeader }
  | { kind: 'entry'; entry: JournalEntry }
  /** Cut off before what came next was written. */
  | { kind: 'cut_off' }
  /** JSON that no version up to this one has written. */
  | { kind: 'foreign' }
);

/**
 * Every complete line of a journal, in constant memory; an absent one has none. Whoever needs a note reads it with this.
 * @param isWanted looks at a line's text before it is parsed, where few of many are wanted
 */
export async function* readNotes(
  out: string,
  fromOffset = 0,
  isWanted: (text: string) => boolean = () => true,
): AsyncGenerator<FoundNote> {
  await checkFolderFormat(out);
  const lines = readLines(journalPath(out), fromOffset);
  for await (const { text, offset, length, end } of lines) {
    if (end === 'newline' && isWanted(text)) {
      yield { offset, end: offset + length, ...judgeNote(text) };
    }
  }
}

function judgeNote(text: string) {
  const json = parseEntry(text);
  if (json === undefined) return { kind: 'cut_off' } as const;
  const header = headerSchema.safeParse(json);
  if (header.success) return { kind: 'header', header: header.data } as const;
  const entry = entrySchema.safeParse(json);
  return entry.success
    ? ({ kind: 'entry', entry: entry.data } as const)
    : ({ kind: 'foreign' } as const);
}

/**
 * A line that a full disk or a kill cut off may have swallowed the beginning of the next one: that is whole from some
 * later brace on.
 */
function parseEntry(text: string): unknown {
  const whole = parseJson(text);
  if (whole !== undefined) return whole;
  for (const begin of entryBegins) {
    const at = text.lastIndexOf(begin);
    const json = at > 0 ? parseJson(text.slice(at)) : undefined;
    if (json !== undefined && entrySchema.safeParse(json).success) return json;
  }
  return undefined;
}

const entryBegins = ['{"brief":', '{"run":', '{"elsewhere":', '{"manifest":'];

function notOurs(out: string): BatchError {
  return new BatchError(
    'batch_conflict',
    `${journalPath(out)} is not as rivya-batch wrote it: put it back as it was, or give another folder with --out.`,
  );
}

/** Lines that are written together, and whoever waits for that. */
interface Appending {
  text: string;
  written: Promise<void>;
}

/** Appends to a batch's journal; several processes may do so at once, whole lines in one write. */
export class Journal {
  private turn: Promise<void> = Promise.resolve();
  /** What waits for its turn, and goes in one write. */
  private next: Appending | null = null;
  /** Where the last write ended, in bytes: where the file still does, nothing of another process stands behind it. */
  private end = -1;

  private constructor(private readonly file: FileHandle) {}

  /**
   * Opens the journal of an output folder, and begins it where there is none: the first to do so has the folder.
   * @throws BatchError `batch_conflict` where it is another batch's, `later_version`
   */
  static async open(out: string, header: JournalHeader): Promise<Journal> {
    await mkdir(out, { recursive: true });
    const journal = new Journal(await open(journalPath(out), 'a+'));
    try {
      const begun = await readJournalHeader(out);
      if (begun === null || begun.batch === header.batch) await claimFolderFormat(out);
      if (begun === null) {
        await journal.append(headerSchema.parse(header));
        await journal.file.sync();
      }
      const owner = await readJournalHeader(out);
      if (owner?.batch === header.batch) return journal;
      throw new BatchError(
        'batch_conflict',
        `The folder ${out} holds the results of batch ${owner?.batch}: give another folder with --out.`,
      );
    } catch (error) {
      await journal.file.close();
      throw error;
    }
  }

  /** Puts a new journal in place of the one that is there. */
  static async beginAnew(out: string, header: JournalHeader): Promise<void> {
    await writeFileDurably(journalPath(out), `${JSON.stringify(headerSchema.parse(header))}\n`);
  }

  /** Opens one that was begun; null where there is none. */
  static async openBegun(out: string): Promise<Journal | null> {
    const header = await readJournalHeader(out);
    return header === null ? null : Journal.open(out, header);
  }

  /**
   * Resolves when the entry would survive a kill of this process; a power cut may take the last moment.
   * Rejects with the system's error where it could not be written: then what it is about must not happen.
   */
  async note(...entries: JournalEntry[]): Promise<void> {
    await this.append(...entries);
  }

  async close(): Promise<void> {
    await this.turn;
    await this.file.sync();
    await this.file.close();
  }

  /**
   * One write after the other: what a crash or a full disk cut off, of this process or another, must not swallow the entry
   * that comes next.
   */
  private append(...values: (JournalHeader | JournalEntry)[]): Promise<void> {
    const text = values.map((value) => `${JSON.stringify(value)}\n`).join('');
    if (this.next !== null) {
      this.next.text += text;
      return this.next.written;
    }
    const appending: Appending = { text, written: Promise.resolve() };
    this.next = appending;
    appending.written = this.turn.then(async () => {
      this.next = null;
      const { size } = await this.file.stat();
      const torn = size !== this.end && (await endsTorn(this.file, size));
      const bytes = Buffer.from(torn ? `\n${appending.text}` : appending.text);
      await this.file.appendFile(bytes);
      this.end = size + bytes.length;
    });
    this.turn = appending.written.catch(() => undefined);
    return appending.written;
  }
}
