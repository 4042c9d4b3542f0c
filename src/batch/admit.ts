import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalContent } from '../results/journal.js';
import type { PreparedBrief } from '../shared/brief.js';
import type { Clock } from '../shared/clock.js';
import { inChunks } from '../shared/read-lines.js';
import { addJobs } from './add-jobs.js';
import { adoptUnderWay, type LocalBatch } from './adopt-folder.js';

const chunkSize = 1_000;
/** Redis stays bounded: admission stops at so many waiting submissions and goes on as they drain. */
const highWater = 100_000;
const lookAgainMs = 500;
const chunksPerLook = 10;
/** While Redis works on one chunk, the next is made ready. */
const chunksAtOnce = 3;

/**
 * Answers to a brief for which there is nothing to do: it has its line, or a cancelled batch does not take it, or
 * what is known of it stays as it is until a person decides.
 */
const withoutJob = new Set(['lined', 'cancelled', 'clash']);

export interface Admitting extends LocalBatch {
  clock: Clock;
  /** Ends the admission after the chunk under way; the batch stays open, and the same command goes on. */
  stopping: AbortSignal;
  /** What an earlier life of the batch had sent, where its Redis state is gone; null otherwise. */
  journal: JournalContent | null;
}

/**
 * Puts every brief into the ledger and its first job into the queue; repeating it changes nothing, and
 * brings back the job of a brief that a crash left without one.
 */
export async function admitBriefs(
  admitting: Admitting,
  briefs: AsyncIterable<PreparedBrief>,
): Promise<'all' | 'stopped'> {
  const { ledger, clock, stopping } = admitting;
  const underWay: Promise<void>[] = [];
  let count = 0;
  for await (const chunk of inChunks(briefs, chunkSize)) {
    if (stopping.aborted) break;
    if (count % chunksPerLook === 0) await waitForRoom(admitting);
    count += 1;
    // Sent in input order over one connection: that order is the one of their numbers.
    const added = ledger.briefs
      .admit(chunk, clock.now())
      .then((answers) => addFirstJobs(admitting, chunk, answers));
    // Its failure is met below; until then it must not count as unheard.
    added.catch(() => undefined);
    underWay.push(added);
    if (underWay.length === chunksAtOnce) await underWay.shift();
  }
  await Promise.all(underWay);
  return stopping.aborted ? 'stopped' : 'all';
}

async function addFirstJobs(
  { ledger, queues, out, journal }: Admitting,
  chunk: PreparedBrief[],
  answers: string[],
): Promise<void> {
  // One that is further on already finds its own queue from here, should a crash have lost its job.
  const waiting: string[] = [];
  const sent: string[] = [];
  for (const [index, { id }] of chunk.entries()) {
    const answer = answers[index] ?? '';
    if (answer === 'missing') throw await ledger.explainLoss();
    if (withoutJob.has(answer)) continue;
    if (answer === 'reopened' && !journal) continue;
    if (answer === 'submitting') sent.push(id);
    else waiting.push(id);
  }
  if (journal) sent.push(...(await adoptUnderWay({ ledger, queues, out }, journal, waiting)));
  await addJobs(queues, await ledger.briefs.states(sent));
  const known = new Set(sent);
  const fresh = waiting.filter((brief) => !known.has(brief));
  const first = fresh.map((brief) => ({ brief, attempt: 1, delayMs: 0 }));
  if (first.length > 0) await queues.add('submit', first);
}

async function waitForRoom({ queues, stopping }: Admitting): Promise<void> {
  while (!stopping.aborted && (await queues.queue('submit').getWaitingCount()) >= highWater) {
    await sleep(lookAgainMs);
  }
}
