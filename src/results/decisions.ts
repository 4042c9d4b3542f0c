import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Verdict } from '../ledger/result-ledger.js';
import { BatchError } from '../shared/errors.js';
import { withFileLock } from '../shared/file-lock.js';
import { fileMark } from '../shared/file-mark.js';
import { firstFault, parseJson } from '../shared/json.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { appendLines, readLines } from '../shared/read-lines.js';
import { hexWords, TextIndex } from '../shared/text-index.js';
import { syncFolder } from '../shared/write-file-durably.js';
import { fileNames } from './file-names.js';
import { exchange } from './mirror.js';

export const verdicts = ['approved', 'rejected', 'again'] as const satisfies readonly Verdict[];

/** What may be said of a result: a verdict, or that the one before it is taken back. */
export const sayings = [...verdicts, 'undecided'] as const;
export type Saying = (typeof sayings)[number];

const text = z.string().nullable().default(null);

/** What a person has said of a result. The fields are a contract with users' scripts. */
export const decisionSchema = z.object({
  brief_id: z.string().min(1),
  attempt: z.number().int().positive(),
  /** Of the brief's first file: what was looked at. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits'),
  decision: z.enum(sayings),
  note: text,
  prompt: text,
  at: z.iso.datetime({ offset: true, error: 'must be a time such as 2026-06-01T12:00:00Z' }),
});

export type Decision = z.infer<typeof decisionSchema>;

/** What stands on one row of a file of decisions. `reason` ends a sentence that begins with the row. */
export type FoundDecision = { row: number; offset: number; length: number } & (
  | { kind: 'decision'; decision: Decision }
  | { kind: 'unreadable'; reason: string }
);

/**
 * Every row of a file of decisions, in constant memory; blank ones and an absent file have none. A row that was cut off
 * is no JSON, and a last one without a newline that is JSON was only saved by an editor.
 */
export async function* walkDecisions(path: string): AsyncGenerator<FoundDecision> {
  let row = 0;
  for await (const line of readLines(path)) {
    row += 1;
    const { offset, length } = line;
    if (line.text.replace(/^\ufeff/, '').trim() === '') continue;
    yield { row, offset, length, ...judgeDecision(line.text) };
  }
}

/** Reads one row. */
export function judgeDecision(written: string) {
  const json = parseJson(written.replace(/^\ufeff/, '').trim());
  if (json === undefined) return { kind: 'unreadable', reason: 'it is not JSON' } as const;
  const parsed = decisionSchema.safeParse(json);
  if (parsed.success) return { kind: 'decision', decision: parsed.data } as const;
  return { kind: 'unreadable', reason: firstFault(parsed.error) } as const;
}

/** As it is written: two decisions with the same text are one. */
export function decisionText(decision: Decision): string {
  return JSON.stringify(decision);
}

export function decisionsPath(out: string): string {
  return join(out, fileNames.decisions);
}

/** The hash that a decision about a line names; null for a line without a file, of which there is nothing to say. */
export function decidedHash({ assets }: Pick<ManifestLine, 'assets'>): string | null {
  return assets[0]?.sha256 ?? null;
}

/** Of a hash, as much as tells two files of one brief apart. */
const hashWords = 3;

/** What counts of a folder's decisions: some 35 to 45 bytes for each, whatever is noted in it. */
export class Decisions {
  /** By brief and attempt: what was said, from 1, and of which file. */
  private readonly index = new TextIndex(1 + hashWords);
  private readonly wanted = new Uint32Array(hashWords);

  /** The last one for a brief and attempt counts. */
  add({ brief_id: briefId, attempt, sha256, decision }: Decision): void {
    const { words } = this.index.claim(keyOf(briefId, attempt));
    words[0] = sayings.indexOf(decision) + 1;
    hexWords(sha256, words.subarray(1));
  }

  /** Null where nothing was said, or of another file: a batch that was started afresh counts its attempts anew. */
  saidOf(briefId: string, attempt: number, sha256: string): Saying | null {
    const words = this.index.find(keyOf(briefId, attempt));
    if (words === null) return null;
    hexWords(sha256, this.wanted);
    const isOfIt = this.wanted.every((word, at) => word === words[1 + at]);
    return isOfIt ? (sayings[(words[0] ?? 0) - 1] ?? null) : null;
  }

  /** Null as well where a verdict was taken back. */
  verdictOn(briefId: string, attempt: number, sha256: string): Verdict | null {
    const said = this.saidOf(briefId, attempt, sha256);
    return said === 'undecided' ? null : said;
  }

  of(line: ManifestLine): Verdict | null {
    const sha256 = decidedHash(line);
    return sha256 === null ? null : this.verdictOn(line.brief_id, line.attempt, sha256);
  }
}

function keyOf(briefId: string, attempt: number): string {
  return `${attempt} ${briefId}`;
}

/** What has been decided in a folder; rows that cannot be read are passed over. */
export async function readDecisions(out: string): Promise<Decisions> {
  const decisions = new Decisions();
  for await (const found of walkDecisions(decisionsPath(out))) {
    if (found.kind === 'decision') decisions.add(found.decision);
  }
  return decisions;
}

/** Another text as soon as a folder has other decisions: what was read need be read again only then. */
export function decisionsMark(out: string): Promise<string> {
  return fileMark(decisionsPath(out));
}

const charactersAtOnce = 1 << 18;
/** Nobody holds it for longer than it takes to read a manifest. */
const patienceMs = 60_000;

/**
 * Appends decisions to a folder's, in whole lines, while nobody else does; on disk when this returns. What a crash left
 * half-way stands there as a part of them, and can be repeated.
 * @param choose is asked under the lock, so that it sees what others have appended before
 */
export async function appendDecisions(
  out: string,
  choose: () => AsyncIterable<Decision>,
): Promise<void> {
  const path = join(out, '.decisions.lock');
  const impossible = (cause: unknown) =>
    new BatchError(
      'output_unusable',
      `Decisions cannot be saved in ${out}: check that the folder is there and can be written.`,
      { cause },
    );
  const heldTooLong = () =>
    new BatchError(
      'output_unusable',
      `Another command has been writing decisions for a minute (${path}): give this command again when it has ended.`,
    );
  await withFileLock({ path, patienceMs, impossible, heldTooLong }, () => append(out, choose()));
  await exchange(out);
}

async function append(out: string, decisions: AsyncIterable<Decision>): Promise<void> {
  let pending = '';
  // Opened with the first one: nothing is begun for none.
  let file: FileHandle | undefined;
  try {
    for await (const decision of decisions) {
      pending += `${decisionText(decision)}\n`;
      if (pending.length < charactersAtOnce) continue;
      file ??= await open(decisionsPath(out), 'a+');
      await appendLines(file, pending);
      pending = '';
    }
    if (pending !== '') {
      file ??= await open(decisionsPath(out), 'a+');
      await appendLines(file, pending);
    }
    await file?.sync();
    if (file !== undefined) await syncFolder(out);
  } finally {
    await file?.close();
  }
}
