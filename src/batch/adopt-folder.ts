import { open, truncate } from 'node:fs/promises';
import type {
  AdoptedLife,
  AdoptedLine,
  AdoptedSend,
  FolderMarks,
} from '../ledger/adoption-ledger.js';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import {
  type BriefState,
  decodeState,
  encodeState,
  type ReadState,
  type StateOf,
} from '../ledger/brief-state.js';
import { type AcceptedTask, moves, type Unsent } from '../ledger/moves.js';
import { fileNames } from '../results/file-names.js';
import {
  type JournalContent,
  journalPath,
  type NotedTask,
  readContentAt,
  readJournal,
  readNotedFiles,
  type Send,
} from '../results/journal.js';
import { chargedFor, manifestPath, readHistory, readManifest } from '../results/manifest.js';
import {
  contentOfLine,
  fingerprintOf,
  modelOf,
  parseContent,
  priceKind,
  rewordedContent,
} from '../shared/brief.js';
import { BatchError } from '../shared/errors.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import type { StageQueues } from '../shared/queues.js';
import { inChunks } from '../shared/read-lines.js';
import { addJobs } from './add-jobs.js';

/** A batch on a machine that has the folder of its results. */
export interface LocalBatch {
  ledger: BatchLedger;
  queues: StageQueues;
  out: string;
}

export type Adoption =
  | {
      kind: 'adopted';
      /** What stands behind the ledger's mark in the journal; null where there is none. */
      journal: JournalContent | null;
      /** Lines that the ledger did not know of, and when the first of their briefs was admitted (ms). */
      lines: number;
      earliest: number;
    }
  /** Lines that were written are no longer there, and nothing is pending. */
  | { kind: 'lines_gone' }
  /** The folder is of a later life of the batch, or of a later retry, than Redis knows. */
  | { kind: 'outdated' };

const linesAtOnce = 500;
const sendsAtOnce = 200;

/**
 * Takes over what a batch's folder knows and its ledger does not: whoever begins to work on a batch with its folder
 * begins with this, and so does a writer that finds lines in its place.
 *
 * The ledger remembers how far it has seen the folder's two files: `offset` of the manifest's generation, `noted` of the
 * journal. What stands behind those marks is normally known too, because the ledger is always written first. Where it
 * is not, Redis has lost it: all of it (the marks are 0), or what came after a snapshot or the end of an append-only
 * file (the marks went back with it). Then the folder is believed: a line is a finished brief, a send of the journal may
 * have been paid and is asked about under its key or looked at by its task, and neither needs the input to name it.
 *
 * Each piece is adopted by compare-and-set, so it is safe to repeat, and beside others who work on the batch.
 * @throws BatchError `batch_conflict` where a retry of an earlier version was cut off
 */
export async function adoptFolder(adopting: LocalBatch): Promise<Adoption> {
  const { ledger, out } = adopting;
  const before = await ledger.adoption.marks();
  if (before.ofEarlierVersion) throw cutOffRetry(ledger.batch);
  const mark = await journalMark(out, before);
  // The admission of an input asks for what is known of each brief, but of none that has its line in this life. While an
  // earlier one is adopted, none has.
  const journal = await (before.adopting
    ? readJournal(out, mark)
    : readJournal(out, mark, (briefs) => withoutEnd(ledger, briefs)));
  // The folder is read before the ledger: what is noted in it was in the ledger before.
  const marks = await ledger.adoption.marks();
  if (journal !== null && isLater(journal, marks)) return { kind: 'outdated' };
  const back = marks.shelved === null ? 'all_here' : await takeBack(adopting);
  if (back !== 'all_here') return { kind: back === 'differs' ? 'outdated' : 'lines_gone' };
  const lines = await adoptLines(adopting, marks, journal);
  if (lines === 'gone') return { kind: 'lines_gone' };
  if (journal !== null) {
    const ids = [...new Set([...journal.sends.keys(), ...journal.tasks.keys()])];
    await adoptSends(adopting, journal, { ids, admission: before.ready ? 'over' : 'to_come' });
  }
  const noted = journal?.end ?? 0;
  if (before.ready && (noted > 0 || journal === null)) await ledger.adoption.markNoted(noted);
  return { kind: 'adopted', journal, ...lines };
}

/**
 * Takes the briefs of a batch back that had left Redis, as the lines say that were in its manifest then. Safe to repeat from
 * wherever a kill cut it off, and beside others.
 */
async function takeBack(adopting: LocalBatch): Promise<'all_here' | 'differs' | 'lines_gone'> {
  const { ledger, out } = adopting;
  for await (const files of readNotedFiles(out)) await ledger.references.keepFiles(files);
  for (;;) {
    const { generation, offset, shelved } = await ledger.adoption.marks();
    if (shelved === null) return 'all_here';
    if ((await syncedSize(manifestPath(out))) < offset) return 'lines_gone';
    const adopted = await adoptBetween(adopting, { generation, begin: shelved, end: offset });
    if (adopted !== 'overtaken') return adopted === 'all' ? ledger.adoption.unshelve() : 'differs';
  }
}

/** Adopts the lines of a stretch of the manifest; `others`: there stand other lines than ours. */
async function adoptBetween(
  { ledger, out }: LocalBatch,
  { generation, begin, end }: { generation: string; begin: number; end: number },
): Promise<'all' | 'others' | 'overtaken'> {
  let at = begin;
  for await (const found of inChunks(readManifest(out, begin), linesAtOnce)) {
    const within = found.filter(({ offset }) => offset < end);
    const lines = within.flatMap((one) => {
      return one.kind === 'line' && one.line.batch === ledger.batch ? [adoptedLine(one.line)] : [];
    });
    if (lines.length < within.length) return 'others';
    const last = within.at(-1);
    if (last === undefined) break;
    const to = last.offset + last.length;
    const stretch = { generation, begin: at, end: to, lines };
    if ((await ledger.adoption.adopt(stretch)) === 'overtaken') return 'overtaken';
    at = to;
  }
  return at === end ? 'all' : 'others';
}

/** Of briefs, those of which a journal can know more than the ledger: not where a line says how they ended. */
async function withoutEnd(
  ledger: BatchLedger,
  briefs: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  if (briefs.size === 0) return briefs;
  const ids = [...briefs];
  const texts = await ledger.briefs.stateTexts(ids);
  return new Set(
    ids.filter((_id, index) => {
      const text = texts[index] ?? null;
      if (text === null) return true;
      const { state } = decodeState(text);
      return state.stage !== 'lined' || state.status === 'unknown';
    }),
  );
}

/**
 * From where on the journal is compared. Until the whole input was admitted once, its admission asks for what is known of
 * each brief; a journal that is shorter than what was read of it is another one, begun in its place.
 */
async function journalMark(out: string, { ready, noted }: FolderMarks): Promise<number> {
  return ready && (await syncedSize(journalPath(out))) >= noted ? noted : 0;
}

/** What a process says that has no input at hand to begin anew with. */
export function refuseOutdated(adoption: Adoption, { ledger, out }: LocalBatch): void {
  switch (adoption.kind) {
    case 'adopted':
      return;
    case 'outdated':
      throw new BatchError(
        'batch_conflict',
        `Redis knows batch ${ledger.batch} as it was before the latest retry or fresh start that ${out} holds. Nothing is sent, because it would be paid again. Run or queue its input again with --out ${out}, and it goes on from there.`,
      );
    case 'lines_gone':
      throw new BatchError(
        'output_unusable',
        `Lines of batch ${ledger.batch} are gone from ${out}: put its ${fileNames.manifest} back as it was, or run its input again with --out ${out}.`,
      );
    default:
      adoption satisfies never;
  }
}

function cutOffRetry(batch: string): BatchError {
  return new BatchError(
    'batch_conflict',
    `A retry of batch ${batch} was cut off in an earlier version of rivya-batch, and only that version can end it: give "rivya-batch retry ${batch}" once more with that version, then go on with this one. Nothing was sent.`,
  );
}

/** The manifest is replaced only while briefs are open again whose lines are in it. */
function isLater({ header, manifest, settled }: JournalContent, marks: FolderMarks): boolean {
  // Nothing of it was adopted yet: there is nothing that could be of an earlier one.
  if (marks.adopting) return false;
  if (header.createdAt > marks.createdAt) return true;
  const known = Number(marks.generation);
  return settled > known || (manifest > known && !marks.reopened);
}

interface FoundLines {
  lines: number;
  earliest: number;
}

async function adoptLines(
  adopting: LocalBatch,
  marks: FolderMarks,
  journal: JournalContent | null,
): Promise<FoundLines | 'gone'> {
  const { ledger, out } = adopting;
  const path = manifestPath(out);
  const size = await syncedSize(path);
  if (size < marks.offset) {
    const meta = await ledger.meta();
    const now = await ledger.adoption.marks();
    const replaced = now.reopened || now.generation !== marks.generation;
    return meta?.pending === 0 && !replaced ? 'gone' : { lines: 0, earliest: 0 };
  }
  if (size === marks.offset && !marks.adopting) return { lines: 0, earliest: 0 };
  const runs = marks.adopting ? new EarlierRuns() : null;
  const found = await readBehind(adopting, marks, runs);
  if (found === 'overtaken') return adoptLines(adopting, await ledger.adoption.marks(), journal);
  if (runs !== null) await ledger.adoption.endAdoption(await runs.sumUp(adopting, journal));
  if (size > found.end && found.behind === 'torn') await cutOff(adopting, path, found.end);
  return found;
}

interface ReadBehind extends FoundLines {
  /** Where the lines that were adopted end. */
  end: number;
  /** What stands there. */
  behind: 'nothing' | 'torn' | 'another_batch';
}

/** Adopts the lines behind the mark; while an earlier life is adopted, those before it are counted once more. */
async function readBehind(
  { ledger, out }: LocalBatch,
  marks: FolderMarks,
  runs: EarlierRuns | null,
): Promise<ReadBehind | 'overtaken'> {
  const { generation } = marks;
  const found: ReadBehind = { lines: 0, earliest: Infinity, end: marks.offset, behind: 'nothing' };
  let lines: AdoptedLine[] = [];
  let end = marks.offset;
  const adopt = async () => {
    if (lines.length === 0) return 'adopted';
    const adopted = await ledger.adoption.adopt({ generation, begin: found.end, end, lines });
    if (adopted === 'overtaken') return adopted;
    found.lines += adopted;
    found.end = end;
    lines = [];
    return 'adopted';
  };
  for await (const stands of readManifest(out, runs ? 0 : end)) {
    const { offset, length } = stands;
    if (stands.kind !== 'line') {
      found.behind = 'torn';
      if (runs && stands.kind !== 'torn') throw unreadable(manifestPath(out), offset);
      break;
    }
    const { line } = stands;
    if (!runs && line.batch !== ledger.batch) found.behind = 'another_batch';
    if (found.behind !== 'nothing') break;
    runs?.add(line);
    found.earliest = Math.min(found.earliest, Date.parse(line.times.admitted));
    if (offset < marks.offset) continue;
    lines.push(adoptedLine(line));
    end = offset + length;
    if (lines.length === linesAtOnce && (await adopt()) === 'overtaken') return 'overtaken';
  }
  return (await adopt()) === 'overtaken' ? 'overtaken' : found;
}

/** 0 where there is no file; what stands in it survives a power cut from here on. */
async function syncedSize(path: string): Promise<number> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return 0;
  try {
    await file.sync();
    const stats = await file.stat();
    return stats.isFile() ? stats.size : 0;
  } finally {
    await file.close();
  }
}

/** What a kill left behind the last line. Where lines are still to come, their writer cuts it off. */
async function cutOff({ ledger }: LocalBatch, path: string, end: number): Promise<void> {
  const meta = await ledger.meta();
  if (meta?.pending !== 0 || (await ledger.outbox.length()) > 0) return;
  if ((await ledger.adoption.marks()).offset === end) await truncate(path, end);
}

function unreadable(path: string, offset: number): BatchError {
  return new BatchError(
    'output_unusable',
    `${path} has a line that is not a manifest line, ${offset} bytes from its beginning: put the file back as it was, or give another folder with --out.`,
  );
}

/** Chunk by chunk: their states, then what is to be adopted, then the jobs of what is not finished. */
async function adoptSends(
  adopting: LocalBatch,
  journal: JournalContent,
  { ids, admission }: { ids: readonly string[]; admission: 'over' | 'to_come' },
): Promise<void> {
  const { ledger } = adopting;
  for (let at = 0; at < ids.length; at += sendsAtOnce) {
    const chunk = ids.slice(at, at + sendsAtOnce);
    const texts = await ledger.briefs.stateTexts(chunk);
    const planned: AdoptedSend[] = [];
    for (const [index, id] of chunk.entries()) {
      const text = texts[index] ?? null;
      // What was sent stands in the input, if anywhere: asked about before that, it could not be sent as it was.
      const awaited = text === null && journal.sends.get(id)?.contentAt === undefined;
      if (awaited && admission === 'to_come') continue;
      const plan = await planSend(adopting, journal, { id, text });
      if (plan !== null) planned.push(plan);
    }
    const adopted = planned.length > 0 ? await ledger.adoption.adoptSends(planned) : [];
    const moved = planned.filter(({ state }, index) => state !== '' && adopted[index]);
    await addJobsOfSent(adopting, chunk, new Set(moved.map(({ id }) => id)));
  }
}

/** Null where the ledger knows as much as the journal. */
async function planSend(
  adopting: LocalBatch,
  journal: JournalContent,
  { id, text }: { id: string; text: string | null },
): Promise<AdoptedSend | null> {
  const state = text === null ? null : decodeState(text).state;
  const send = journal.sends.get(id) ?? null;
  const task = journal.tasks.get(id) ?? null;
  const { attempt = 0, credits = null, kind: priceKind = '', sentAt = 0 } = send ?? {};
  const stated = priceKind === '' ? null : (task?.reserved ?? null);
  const plan = { id, expected: text ?? '', content: '', credits, priceKind, sentAt, stated };
  if (send !== null && isBehind(state, send, journal.opened.get(id) ?? 1)) {
    const { sent, content } = await adoptSend(adopting, id, send, state);
    const known = task?.attempt === attempt;
    const to = known ? moves.accepted(sent, taskOf(task, send.kind ?? null)) : sent;
    return { ...plan, state: encodeState(to), content };
  }
  if (state?.stage === 'submitting' && task?.attempt === state.attempt) {
    return { ...plan, state: encodeState(moves.accepted(state, taskOf(task, priceKind || null))) };
  }
  // Nobody knows what became of it, and it may have been charged: it stays reserved (S6).
  const inDoubt = state?.stage === 'lined' && state.status === 'unknown';
  return inDoubt && state.attempt === attempt ? { ...plan, state: '', stated: null } : null;
}

/** Whether the ledger does not know of a send, which was in it before it was noted. */
function isBehind(state: BriefState | null, send: Send, opened: number): boolean {
  // That attempt has a line in the history.
  if (opened > send.attempt) return false;
  if (state === null) return true;
  if (state.attempt !== send.attempt) return state.attempt < send.attempt && isUnderWay(state);
  if (state.stage === 'waiting') return true;
  return state.stage === 'admitted' && state.sends < (send.sends ?? 1);
}

/** A line at an earlier attempt is of an earlier manifest, which is not adopted piece by piece. */
function isUnderWay({ stage }: BriefState): boolean {
  return stage !== 'lined';
}

/** What the ledger is to have of a send that it lost: the send in doubt, and what it was of. */
async function adoptSend(
  { ledger, out }: LocalBatch,
  id: string,
  send: Send,
  state: BriefState | null,
): Promise<{ sent: StateOf<'submitting'>; content: string }> {
  const { attempt, references: items } = send;
  const noted = send.contentAt === undefined ? null : await readContentAt(out, send.contentAt);
  const sent = sentState(send, state, noted);
  const content = noted ?? (state === null ? withoutContent(send) : '');
  // Before the move: from then on it is sent again, and as it was.
  if (items) await ledger.references.restoreAddresses(id, { attempt, items });
  return { sent, content };
}

function sentState(
  send: Send,
  state: BriefState | null,
  noted: string | null,
): StateOf<'submitting'> {
  const { attempt, sentAt, sends = 1, madeBy } = send;
  const had = state?.fingerprint;
  const admittedAt = state !== null && 'admittedAt' in state ? state.admittedAt : send.admittedAt;
  // What is to be sent under its key is not known: that attempt is asked about no more. Of a step, its draft does not say it.
  const isOther = had === undefined || (send.fingerprint ?? had) !== had;
  const sentOther = noted === null && (isOther || state?.stage === 'waiting');
  return moves.sentBefore({
    attempt,
    fingerprint: (noted === null ? had : send.fingerprint) ?? send.fingerprint ?? '0',
    seq: state?.seq ?? send.seq ?? 1,
    admittedAt: admittedAt ?? sentAt,
    sends,
    firstSentAt: sentAt,
    run: madeBy ?? state?.run,
    ...(sentOther && { sentOther }),
  });
}

function taskOf(
  { task: taskId, reserved, at: submittedAt, category }: NotedTask,
  kind: string | null,
): AcceptedTask {
  return { taskId, reserved, submittedAt, category, kind };
}

/** Journals of earlier versions do not have it: its line can still say what it was of. */
function withoutContent({ kind }: Send): string {
  const origin = { row: 0, source: '', references: [], metadata: null, input: {} };
  return `${JSON.stringify(origin)}\n${JSON.stringify({ model: modelOf(kind ?? '') })}`;
}

/** Every brief of them that was sent and is not finished gets its job, which Redis may have lost with the rest. */
async function addJobsOfSent(
  { ledger, queues }: LocalBatch,
  ids: readonly string[],
  adopted: ReadonlySet<string>,
): Promise<void> {
  const states = await ledger.briefs.states(ids);
  for (const [brief, { stage, attempt }] of states) {
    if (stage === 'admitted' || stage === 'waiting') states.delete(brief);
    // It would stand behind the others.
    if (stage === 'submitting' && adopted.has(brief)) await queues.remove('submit', brief, attempt);
  }
  await addJobs({ ledger, queues }, states);
}

function adoptedLine(line: ManifestLine): AdoptedLine {
  const { brief_id: id, attempt, seq, status, assets, run } = line;
  const fingerprint = fingerprintOf(line);
  const [asset] = assets;
  return {
    id,
    attempt,
    state: encodeState(
      moves.linedBefore({ attempt, fingerprint, seq, status, run: run ?? undefined }),
    ),
    status,
    charged: chargedFor(line),
    // One that did not succeed may be retried, and needs its content for that.
    content: status === 'succeeded' && line.input_prompt === undefined ? '' : contentOfLine(line),
    canonicalName: asset ? canonicalAssetName(asset.path) : '',
    run,
    priceKind: priceKind({ model: line.model, params: line.params }),
    output: line.output ?? '',
  };
}

/**
 * `assets/ABC~2.png` -> `abc`: the name that this brief has taken, without regard to case; '' where it only has that
 * with a suffix of its own, because another brief has taken it.
 */
function canonicalAssetName(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.[^.]*$/, '');
  if (/^[^~]*~[0-9a-f]{10}(~|$)/.test(name)) return '';
  return name.replace(/~.*$/s, '').toLowerCase().toUpperCase().toLowerCase();
}

/** Gathers what the lines of a manifest tell of its batch's runs, while they are adopted. */
class EarlierRuns {
  private takenOver = 0;
  private readonly earliest = new Map<number, number>();

  add({ run, from, times }: ManifestLine): void {
    if (from !== null) this.takenOver += 1;
    if (run === null) return;
    const at = Date.parse(times.admitted);
    this.earliest.set(run, Math.min(at, this.earliest.get(run) ?? at));
  }

  /** With what journal and history have to say. */
  async sumUp(adopting: LocalBatch, journal: JournalContent | null): Promise<AdoptedLife> {
    const runTimes = new Map(this.earliest);
    let forcedRun: number | null = null;
    for (const { run, at, forced } of journal?.runs ?? []) {
      runTimes.set(run, at);
      forcedRun = forced ? run : null;
    }
    return {
      historyCharged: journal ? await historyCharged(adopting, journal.header.createdAt) : 0,
      takenOver: this.takenOver,
      lastRun: Math.max(0, ...runTimes.keys()),
      forcedRun,
      generation: journal?.manifest ?? 0,
      runTimes,
    };
  }
}

/**
 * Lines of the time before a fresh start are in the history too: they are no cost of this life (S6). Nor are those of an
 * attempt that has a line in the manifest: a kill between two renames leaves one in both, and another look at a task
 * replaces one.
 */
async function historyCharged({ ledger, out }: LocalBatch, sinceMs: number): Promise<number> {
  let charged = 0;
  for await (const lines of inChunks(readHistory(out), linesAtOnce)) {
    const states = await ledger.briefs.states(lines.map((line) => line.brief_id));
    for (const line of lines) {
      const isCounted = states.get(line.brief_id)?.attempt === line.attempt;
      if (isCounted || Date.parse(line.times.admitted) < sinceMs) continue;
      charged += chargedFor(line);
    }
  }
  return charged;
}

/**
 * Gives briefs that were admitted anew, after a lost Redis, the memory of their attempts: of sends that the journal has
 * without what was sent, which the input says now; of what was opened to be sent; and, where machines without the folder
 * sent as well, of any that they may have sent since the batch began, with the clock of its key running since then (S1).
 * @returns those of which the ledger says what their job is, which need not be their first
 */
export async function adoptUnderWay(
  adopting: LocalBatch,
  journal: JournalContent,
  briefIds: readonly string[],
): Promise<string[]> {
  const { ledger } = adopting;
  const { header, opened: noted, elsewhere, sends } = journal;
  const underWay: string[] = [];
  const sent = briefIds.filter((id) => sends.has(id));
  await adoptSends(adopting, journal, { ids: sent, admission: 'over' });
  for (const brief of briefIds) {
    const opened = noted.get(brief) ?? 1;
    if (!elsewhere && opened === 1 && !sends.has(brief)) continue;
    const read = await ledger.briefs.read(brief);
    if (read?.state.stage === 'submitting') {
      underWay.push(brief);
      continue;
    }
    const unsent = read === null ? null : unsentOf(read);
    if (unsent === null || (!elsewhere && opened === 1)) continue;
    // A crash came between this and its job; or a retry came after it.
    const attempt = Math.max(opened, unsent.state.attempt);
    const from = unsent;
    const to =
      elsewhere && (await mayBeSent(ledger, brief, from.state))
        ? perhapsSent(from.state, attempt, header.createdAt)
        : raisedTo(from.state, attempt);
    const isThere = to === from.state;
    const content = await contentReworded(ledger, brief, to, journal);
    if (isThere || (await ledger.briefs.move(brief, { from, to, ...content })).kind === 'moved') {
      underWay.push(brief);
    }
  }
  return underWay;
}

function unsentOf({ text, state }: ReadState): ReadState<Unsent> | null {
  if (state.stage === 'waiting') return { text, state };
  return state.stage === 'admitted' && state.sends === 0 ? { text, state } : null;
}

/** Nothing where its row has changed since: then that counts. */
async function contentReworded(
  { briefs }: BatchLedger,
  id: string,
  { attempt, fingerprint }: BriefState,
  { reworded }: JournalContent,
): Promise<{ content?: string }> {
  const noted = reworded.get(id);
  if (noted?.attempt !== attempt || noted.fingerprint !== fingerprint) return {};
  const content = await briefs.readContent(id);
  return content === null ? {} : { content: rewordedContent(content, noted.words) };
}

/** A step is not sent before all that it comes after has succeeded. */
async function mayBeSent(ledger: BatchLedger, id: string, { stage }: Unsent): Promise<boolean> {
  if (stage !== 'waiting') return true;
  const content = await ledger.briefs.readContent(id);
  const after = content === null ? [] : (parseContent(content).origin.after ?? []);
  const states = await ledger.briefs.states(after.map((input) => input.id));
  return after.every((input) => {
    const state = states.get(input.id);
    return state?.stage === 'lined' && state.status === 'succeeded';
  });
}

function perhapsSent(state: Unsent, attempt: number, sentAt: number) {
  const { fingerprint, seq, admittedAt, run, stage } = state;
  // With which body nobody knows any more: what it was made with may have been another attempt's.
  const unknown = stage === 'waiting' && { sentOther: true as const };
  const sent = { attempt, sends: 1, firstSentAt: sentAt, ...unknown };
  return moves.sentBefore({ fingerprint, seq, admittedAt, run, ...sent });
}

/** Its earlier attempts are over and have their lines in the history: neither their keys nor their files are used again. */
function raisedTo(state: Unsent, attempt: number): Unsent {
  return state.attempt === attempt ? state : moves.recalled(state, attempt);
}
