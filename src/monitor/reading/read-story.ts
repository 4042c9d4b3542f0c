import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { BatchMeta } from '../../ledger/batch-meta.js';
import type { BriefState } from '../../ledger/brief-state.js';
import { moves } from '../../ledger/moves.js';
import { fileNames } from '../../results/file-names.js';
import { readNotes, type Send } from '../../results/journal.js';
import { judgeLine, readHistory, readManifest } from '../../results/manifest.js';
import {
  type BriefOrigin,
  fingerprintOf,
  parseContent,
  type RequestBody,
} from '../../shared/brief.js';
import type { Asset, ManifestLine } from '../../shared/manifest-line.js';
import { counted, formatCredits, formatDuration } from '../../shared/quantities.js';
import { type QueueName, queueNames } from '../../shared/queue-names.js';
import { jobId } from '../../shared/queues.js';
import type { Ledgers } from './ledgers.js';
import type { BatchQueues, StageQueue } from './queues.js';
import { readable } from './read-failures.js';
import { placeInRow, type RowBrief, readRow } from './read-row.js';

export interface FileOnDisk {
  asset: Asset;
  found: 'there' | 'missing' | 'other_size';
}

/** Where the brief's next step waits. */
interface JobSight {
  stage: QueueName;
  state: string;
  /** When it is due, in ms since the epoch; null unless it is delayed. */
  dueMs: number | null;
  /** Steps that ended with an unexpected error, in a row. */
  errors: number;
}

/** Where nobody writes lines, they pile up: a look goes through so many of them. */
const mostUnwritten = 10_000;

/** All that is known of one brief, from the ledger, its queues and its batch's folder. */
export interface Story {
  id: string;
  meta: BatchMeta;
  state: BriefState;
  /** Gone once it has succeeded: then the line tells. */
  content: { origin: BriefOrigin; body: RequestBody } | null;
  /** Credits that are held for it; null for none. */
  held: number | null;
  job: JobSight | null;
  /** Its line in the manifest, and those of earlier lives. */
  line: ManifestLine | null;
  earlier: ManifestLine[];
  sends: Send[];
  files: FileOnDisk[];
  /** All that was made of its row, itself included; empty where that is nothing else. */
  row: RowBrief[];
}

/** Null where the batch has no such brief. */
export async function readStory(
  ledgers: Ledgers,
  queues: BatchQueues,
  { meta, id }: { meta: BatchMeta; id: string },
): Promise<Story | null> {
  const ledger = ledgers.batch(meta.name);
  const known = await ledgers.inTime(() =>
    Promise.all([
      ledger.briefs.read(id),
      ledger.briefs.readContent(id),
      ledgers.redis.hget(ledger.keys.reservations, id),
    ]),
  );
  const [read, text, held] = known;
  const isLined = read === null ? meta.shelved : read.state.stage === 'lined';
  const line = isLined ? await findLine(ledgers, meta, id) : null;
  const state = read?.state ?? (line && stateIn(line));
  if (state === null) return null;
  const content = text === null ? null : split(text);
  return {
    id,
    meta,
    state,
    content,
    held: held === null ? null : Number(held.split(' ', 1)[0]),
    job: await ledgers.inTime(() =>
      findJob(ledgers, queues.of(meta.name), jobId(meta.name, id, state.attempt)),
    ),
    line,
    earlier: await earlierLines(meta, id),
    sends: await sendsOf(meta, id),
    files: await lookAtFiles(meta, [...(line?.assets ?? []), ...(line?.aside ?? [])]),
    row: await rowOf(ledgers, meta, { id, output: (line ?? content?.origin)?.output }),
  };
}

async function rowOf(
  ledgers: Ledgers,
  meta: BatchMeta,
  { id, output }: { id: string; output: string | undefined },
): Promise<RowBrief[]> {
  const place = output === undefined ? null : placeInRow(id, output);
  if (place === null) return [];
  const lines = meta.shelved ? await linesOfRow(meta, place.row) : [];
  return ledgers.inTime(() => readRow(ledgers, meta, { place, lines }));
}

async function linesOfRow(meta: BatchMeta, row: string): Promise<ManifestLine[]> {
  const begin = `${row}/`;
  const lines = await inFolder(meta, fileNames.manifest, async () => {
    const found: ManifestLine[] = [];
    for await (const read of readManifest(meta.out, 0, mentionsWithin(begin))) {
      if (read.kind === 'line' && read.line.brief_id.startsWith(begin)) found.push(read.line);
    }
    return found;
  });
  return lines ?? [];
}

/** Of a batch that has left Redis. */
function stateIn(line: ManifestLine): BriefState {
  const { attempt, seq, status, run } = line;
  const fingerprint = fingerprintOf(line);
  return moves.linedBefore({ attempt, fingerprint, seq, status, run: run ?? undefined });
}

function split(text: string): NonNullable<Story['content']> {
  const { origin, request } = parseContent(text);
  return { origin, body: request };
}

/** In the manifest, or about to be written there. */
async function findLine(
  ledgers: Ledgers,
  meta: BatchMeta,
  id: string,
): Promise<ManifestLine | null> {
  const written = await inFolder(meta, fileNames.manifest, async () => {
    let last: ManifestLine | null = null;
    for await (const found of readManifest(meta.out, 0, mentions(id))) {
      if (found.kind === 'line' && found.line.brief_id === id) last = found.line;
    }
    return last;
  });
  if (written !== null) return written;
  const { outbox } = ledgers.batch(meta.name).keys;
  const texts = await ledgers.inTime(() => ledgers.redis.lrange(outbox, '0', mostUnwritten));
  const lines = texts.filter(mentions(id)).flatMap((text) => {
    const judged = judgeLine(text);
    return judged.kind === 'line' && judged.line.brief_id === id ? judged.line : [];
  });
  return lines.at(-1) ?? null;
}

async function findJob(
  ledgers: Ledgers,
  queues: Record<QueueName, StageQueue>,
  id: string,
): Promise<JobSight | null> {
  for (const stage of queueNames) {
    const queue = queues[stage];
    const job = await queue.getJob(id);
    if (!job) continue;
    const score = await ledgers.redis.zscore(queue.toKey('delayed'), id);
    return {
      stage,
      state: await job.getState(),
      // BullMQ keeps the order of jobs that come due together in the lowest 12 bits.
      dueMs: score === null ? null : Math.floor(Number(score) / 4096),
      errors: job.attemptsMade,
    };
  }
  return null;
}

/** However many stories are asked for, the pages beside them stay quick. */
const fileReads = pLimit(2);

/** Null where the file is not on this machine. */
async function inFolder<Found>(
  { out }: BatchMeta,
  file: string,
  read: () => Promise<Found>,
): Promise<Found | null> {
  return out !== '' && (await readable(join(out, file))) ? fileReads(read) : null;
}

/** Texts that hold the id anywhere are parsed, the others are passed over: a manifest may have a million. */
function mentions(id: string): (text: string) => boolean {
  const needle = JSON.stringify(id);
  return (text) => text.includes(needle);
}

/** Likewise, of what stands at the beginning of a text. */
function mentionsWithin(begin: string): (text: string) => boolean {
  const needle = JSON.stringify(begin).slice(0, -1);
  return (text) => text.includes(needle);
}

async function earlierLines(meta: BatchMeta, id: string): Promise<ManifestLine[]> {
  const lines = await inFolder(meta, fileNames.history, async () => {
    const found: ManifestLine[] = [];
    for await (const line of readHistory(meta.out, mentions(id))) {
      if (line.brief_id === id) found.push(line);
    }
    return found;
  });
  return lines ?? [];
}

async function sendsOf(meta: BatchMeta, id: string): Promise<Send[]> {
  const sends = await inFolder(meta, fileNames.journal, async () => {
    const found: Send[] = [];
    for await (const note of readNotes(meta.out, 0, mentions(id))) {
      if (note.kind !== 'entry' || !('sentAt' in note.entry)) continue;
      if (note.entry.brief === id) found.push(note.entry);
    }
    return found;
  });
  return sends ?? [];
}

async function lookAtFiles(meta: BatchMeta, assets: Asset[]): Promise<FileOnDisk[]> {
  return Promise.all(
    assets.map(async (asset) => {
      const found = await stat(join(meta.out, asset.path)).catch(() => null);
      if (!found?.isFile()) return { asset, found: 'missing' as const };
      return { asset, found: found.size === asset.bytes ? 'there' : 'other_size' } as const;
    }),
  );
}

/** One thing that happened to a brief. */
export interface StoryEvent {
  /** In ms since the epoch. */
  atMs: number;
  what: string;
  detail: string;
}

/** What happened to a brief so far, in order: a sentence that can be read from top to bottom. */
export function storyEvents(story: Story): StoryEvent[] {
  const { state, line } = story;
  const events = line === null ? eventsOfState(state) : eventsOfLine(line, line.assets.length);
  for (const past of story.earlier) events.push(...eventsOfEarlier(past));
  for (const { attempt, sentAt, credits } of story.sends) {
    const held = credits === undefined ? '' : `, with ${formatCredits(credits)} reserved`;
    events.push({ atMs: sentAt, what: 'Sent', detail: `attempt ${attempt}${held}` });
  }
  return events.sort((left, right) => left.atMs - right.atMs);
}

function eventsOfState(state: BriefState): StoryEvent[] {
  if (state.stage === 'lined') return [];
  const events = [{ atMs: state.admittedAt, what: 'Admitted', detail: `as brief ${state.seq}` }];
  switch (state.stage) {
    case 'waiting':
    case 'admitted':
      return events;
    case 'submitting':
      return [
        ...events,
        { atMs: state.firstSentAt, what: 'First sent', detail: counted(state.sends, 'submission') },
      ];
    case 'accepted':
      return [...events, accepted(state)];
    case 'ready': {
      const { completedAt, final } = state;
      const detail =
        final === null ? 'what it cost is not stated' : `${formatCredits(final)} charged`;
      return [...events, accepted(state), { atMs: completedAt, what: 'Task over', detail }];
    }
    default:
      return state satisfies never;
  }
}

function accepted(state: Extract<BriefState, { stage: 'accepted' | 'ready' }>): StoryEvent {
  const checks = state.checks === 0 ? 'not looked at yet' : `looked at ${times(state.checks)}`;
  return {
    atMs: state.submittedAt,
    what: 'Accepted',
    detail: `as task ${state.taskId} after ${counted(state.sends, 'submission')}; ${checks}`,
  };
}

function eventsOfLine(line: ManifestLine, files: number): StoryEvent[] {
  const { times: at, credits, requests, task_id } = line;
  const events: (StoryEvent | null)[] = [
    event(at.admitted, 'Admitted', `as brief ${line.seq}`),
    event(
      at.submitted,
      task_id === null ? 'First sent' : 'Accepted',
      `${task_id === null ? '' : `as task ${task_id} after `}${counted(requests.submits, 'submission')}`,
    ),
    event(
      at.completed,
      'Task over',
      `${took(at.submitted, at.completed)}looked at ${times(requests.status_checks)}; ${credits.final === null ? 'what it cost is not stated' : `${formatCredits(credits.final)} charged`}`,
    ),
    event(at.collected, 'Collected', counted(files, 'file')),
  ];
  return events.filter((found) => found !== null);
}

function eventsOfEarlier({ times: at, status, attempt, error }: ManifestLine): StoryEvent[] {
  const ended = at.collected ?? at.completed ?? at.submitted ?? at.admitted;
  const detail = `attempt ${attempt}: ${status}${error ? `, ${error.code}` : ''}; its line is in ${fileNames.history}`;
  const found = event(ended, 'An earlier attempt ended', detail);
  return found ? [found] : [];
}

function event(at: string | null, what: string, detail: string): StoryEvent | null {
  const atMs = at === null ? Number.NaN : Date.parse(at);
  return Number.isNaN(atMs) ? null : { atMs, what, detail };
}

function took(from: string | null, to: string | null): string {
  if (from === null || to === null) return '';
  return `${formatDuration(Date.parse(to) - Date.parse(from))} after its acceptance; `;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
