import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalContent } from '../results/journal.js';
import type { PreparedBrief } from '../shared/brief.js';
import type { Clock } from '../shared/clock.js';
import { inChunks } from '../shared/read-lines.js';
import { addJobs } from './add-jobs.js';
import { adoptUnderWay, type LocalBatch } from './adopt-folder.js';

const chunkSize = 1_000;
/** While Redis works on one chunk, the next is made ready. */
const chunksAtOnce = 3;
/** One command each time: whoever waits for room costs Redis next to nothing. */
const lookAgainMs = 2_000;
/** After so many looks without room, the chunk is offered all the same: what others admitted of it may lack its jobs. */
const looksPerOffer = 15;

/**
 * Answers to a brief for which there is nothing to do: it has its line, or a cancelled batch does not take it, or
 * what is known of it stays as it is until a person decides, or it is not admitted yet.
 */
const withoutJob = new Set(['lined', 'cancelled', 'clash', 'full']);

/** How an admission goes beside the work on what it has admitted. */
export interface AdmissionPace {
  /** Ends it after the chunk under way; the batch stays open, and the same command goes on. */
  stopping: AbortSignal;
  /** Ends it likewise, as soon as it would have to wait for room. */
  unwaiting: AbortSignal;
  /** How many briefs of the batch may be without a line: it goes on as they get theirs, so that Redis stays bounded. */
  highWater: number;
}

/** Everything at once: for whoever does not stay until it is made. */
export function atOnce(stopping: AbortSignal): AdmissionPace {
  return { stopping, unwaiting: stopping, highWater: Number.POSITIVE_INFINITY };
}

export interface Admitting extends LocalBatch, AdmissionPace {
  clock: Clock;
  /** What an earlier life of the batch had sent, where its Redis state is gone; null otherwise. */
  journal: JournalContent | null;
}

/**
 * Puts every brief into the ledger and its first job into the queue, in their order; repeating it changes nothing, and
 * brings back the job of a brief that a crash left without one.
 */
export async function admitBriefs(
  admitting: Admitting,
  briefs: AsyncIterable<PreparedBrief>,
): Promise<'all' | 'stopped'> {
  const { ledger, clock, stopping, highWater } = admitting;
  const underWay: Promise<void>[] = [];
  /** So many new briefs there is room for beside the chunks under way. */
  let room = Number.isFinite(highWater) ? 0 : highWater;
  for await (const chunk of inChunks(briefs, Math.min(chunkSize, highWater))) {
    if (stopping.aborted) break;
    if (room < chunk.length) {
      // One at a time: behind one that found no room, none may find it.
      await Promise.all(underWay.splice(0));
      const left = await admitAsThereIsRoom(admitting, chunk);
      if (left === 'stopped') return left;
      room = left;
      continue;
    }
    room -= chunk.length;
    // Sent in input order over one connection: that order is the one of their numbers.
    const added = ledger.briefs
      .admit(chunk, clock.now())
      .then(({ answers }) => addFirstJobs(admitting, chunk, answers));
    // Its failure is met below; until then it must not count as unheard.
    added.catch(() => undefined);
    underWay.push(added);
    if (underWay.length === chunksAtOnce) await underWay.shift();
  }
  await Promise.all(underWay);
  return stopping.aborted ? 'stopped' : 'all';
}

/**
 * What is known already needs no room: were it waited for, a batch whose jobs a crash has taken would never drain.
 * @returns how much room is left
 */
async function admitAsThereIsRoom(
  admitting: Admitting,
  chunk: readonly PreparedBrief[],
): Promise<number | 'stopped'> {
  const { ledger, clock, highWater } = admitting;
  let offered = chunk;
  let rest: readonly PreparedBrief[] = [];
  for (;;) {
    const { answers, ...mark } = await ledger.briefs.admit(offered, clock.now(), highWater);
    await addFirstJobs(admitting, offered, answers);
    rest = [...offered.filter((_brief, index) => answers[index] === 'full'), ...rest];
    if (rest.length === 0) return mark.room;
    const most = await waitForRoom(admitting, mark.admitted);
    if (most === 'stopped') return most;
    offered = rest.slice(0, most);
    rest = rest.slice(most);
  }
}

/**
 * @param admitted how many the batch had before: where others admit as well, what waits here may be in already
 * @returns how many briefs to offer
 */
async function waitForRoom(
  { ledger, stopping, unwaiting, highWater }: Admitting,
  admitted: number,
): Promise<number | 'stopped'> {
  const signal = AbortSignal.any([stopping, unwaiting]);
  for (let looks = 0; looks < looksPerOffer; looks += 1) {
    // What ends the wait is looked for by itself.
    await sleep(lookAgainMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return 'stopped';
    const now = await ledger.roomBelow(highWater);
    if (now.room > 0) return now.room;
    if (now.admitted !== admitted) break;
  }
  return chunkSize;
}

async function addFirstJobs(
  { ledger, queues, out, journal }: Admitting,
  chunk: readonly PreparedBrief[],
  answers: readonly string[],
): Promise<void> {
  // One that is further on already finds its own queue from here, should a crash have lost its job.
  const waiting: string[] = [];
  const steps: string[] = [];
  const sent: string[] = [];
  for (const [index, { id }] of chunk.entries()) {
    const answer = answers[index] ?? '';
    if (answer === 'missing') throw await ledger.explainLoss();
    if (withoutJob.has(answer)) continue;
    if (answer === 'reopened' && !journal) continue;
    if (answer === 'submitting') sent.push(id);
    else if (answer === 'waiting') steps.push(id);
    else waiting.push(id);
  }
  const unsent = [...waiting, ...steps];
  if (journal) sent.push(...(await adoptUnderWay({ ledger, queues, out }, journal, unsent)));
  const known = new Set([...sent, ...steps]);
  await addJobs({ ledger, queues }, await ledger.briefs.states([...known]));
  const fresh = waiting.filter((brief) => !known.has(brief));
  const first = fresh.map((brief) => ({ brief, attempt: 1, delayMs: 0 }));
  if (first.length > 0) await queues.add('submit', first);
}
