import type { Logger } from 'pino';
import { type BriefEnd, finishBrief } from '../../batch/finish-brief.js';
import type { AccountLedger } from '../../ledger/account-ledger.js';
import type { BatchLedger } from '../../ledger/batch-ledger.js';
import type { LedgerBrief } from '../../ledger/brief-ledger.js';
import type { BriefState } from '../../ledger/brief-state.js';
import type { DurationLedger } from '../../ledger/durations.js';
import type { HistoryLedger } from '../../ledger/history.js';
import type { Unfinished } from '../../ledger/moves.js';
import type { BackgroundThumbnails } from '../../pictures/thumbnails.js';
import type { Journal } from '../../results/journal.js';
import type { RivyaClient } from '../../rivya/client.js';
import type { Downloader } from '../../rivya/download.js';
import type { BodyParts } from '../../shared/brief.js';
import type { Clock, MachineTime } from '../../shared/clock.js';
import type { Draft } from '../../shared/draft.js';
import type { PictureSize } from '../../shared/picture-size.js';
import type { QueueStage } from '../../shared/queue-names.js';
import type { ReferenceFile } from '../../shared/reference-items.js';
import type { TaskCategory } from '../../shared/task-category.js';
import type { Notify } from '../notices.js';
import type { Pacer } from '../pacing/pacer.js';
import type { PollPlanner } from '../polling/poll-planner.js';
import type { DownloadSlots } from './download-slots.js';
import type { ResultShelf } from './result-shelf.js';

/** What a stage works on: one brief under one attempt. */
export interface StageJob {
  briefId: string;
  attempt: number;
  /** Result URLs, for the collect stage; absent when it must read them from the task. */
  urls?: string[];
  /** How often the task was read again for fresh URLs. */
  rereads?: number;
  /** A file had a fault, and is asked for once more. */
  faulty?: boolean;
  /** Status: the API has hinted that the task is over. */
  hinted?: boolean;
  /** Submit: how often a reference could not be had; absent for none. */
  tries?: number;
  /** Submit: how often it was refused without a reason, and put off; absent for never. */
  puttingsOff?: number;
}

/** A job's place in its process' loop: see `stage-loop.ts`. */
export interface Seat {
  /**
   * What others need as well (leave to submit, a turn) is settled for this job: the next may be taken.
   * @param waitMs until its turn; 0 where nothing is scarce
   */
  passOn(waitMs?: number): void;
  /** It goes on without a seat: what it does now is counted elsewhere. */
  leave(): void;
  /** Why it has no leave holds for all: for so many ms none is taken, unless there has been news since it was. */
  hold(waitMs: number): void;
  /** It is about to end. Whether the next job of the same queue is to be taken with that, into the seat that it gives back. */
  handsOn(): boolean;
}

/** Of a job that no loop has taken: whoever gives up asks for nothing. */
export const noSeat: Seat = {
  passOn: () => undefined,
  leave: () => undefined,
  hold: () => undefined,
  handsOn: () => false,
};

/** What is to become of the job; only the edge turns it into queue operations. */
export type Step =
  /** Nothing is left to do; where the brief has its line, the steps that come after it may go on. */
  | { kind: 'done'; followers?: readonly string[] }
  /** The brief goes on in another queue (or, with a new attempt, in this one). */
  | {
      kind: 'next';
      stage: QueueStage;
      attempt: number;
      delayMs: number;
      urls?: string[];
      rereads?: number;
      faulty?: boolean;
    }
  /** The same job again, later: no worker slot is held meanwhile (S2). `fresh` URLs replace the job's. */
  | {
      kind: 'later';
      afterMs: number;
      fresh?: { urls: string[]; rereads: number; faulty?: boolean };
      tries?: number;
      puttingsOff?: number;
    }
  /**
   * It has no leave now, nor have others of its batch, or any at all: back to the head of its queue it goes (S2).
   * `batch_until_account`: what the batch waits for is found out by another one of the account.
   */
  | { kind: 'hold'; of: 'batch' | 'batch_until_account' | 'all'; waitMs: number }
  /** Its step waits for others, which will move it on. */
  | { kind: 'wait' }
  /** The ledger does not know the brief, or not what is to be sent of it: its state is missing. */
  | { kind: 'missing' };

/**
 * The step for a job that finds its brief elsewhere: a crash came between moving the stage and adding the
 * next job, or a frozen worker woke up late. Adding a job twice changes nothing, so this is always safe.
 */
export function stepFor(state: BriefState | null): Step {
  if (state === null) return { kind: 'missing' };
  switch (state.stage) {
    case 'waiting':
    case 'admitted':
    case 'submitting':
      return { kind: 'next', stage: 'submit', attempt: state.attempt, delayMs: 0 };
    case 'accepted':
      return { kind: 'next', stage: 'status', attempt: state.attempt, delayMs: 0 };
    case 'ready':
      return { kind: 'next', stage: 'collect', attempt: state.attempt, delayMs: 0 };
    case 'lined':
      return { kind: 'done' };
    default:
      return state satisfies never;
  }
}

/** The brief that a job has in hand: what the ledger says of it, and what the job carries. */
export interface BriefInHand<S extends Unfinished = Unfinished> extends LedgerBrief<S> {
  job: StageJob;
  seat: Seat;
  /** `ResultFolder.comparedOver`, before it was read. */
  readOver: object | null;
}

/** Reads what a job is about, once for the whole step; where it is elsewhere by now, says what becomes of the job. */
export async function takeUp(
  { ledger, folder }: StageContext,
  job: StageJob,
  seat: Seat,
): Promise<{ kind: 'taken'; brief: BriefInHand } | { kind: 'elsewhere'; step: Step }> {
  const readOver = folder?.comparedOver() ?? null;
  const found = await ledger.briefs.find(job.briefId);
  if (found === 'missing') return { kind: 'elsewhere', step: { kind: 'missing' } };
  if (found === 'lined') {
    // A crash may have come between its line and those who wait for it.
    const followers = await ledger.results.followers(job.briefId);
    return { kind: 'elsewhere', step: doneBefore(followers) };
  }
  if (found.state.attempt !== job.attempt) return { kind: 'elsewhere', step: stepFor(found.state) };
  return { kind: 'taken', brief: { ...found, job, seat, readOver } };
}

/** Gives a brief its line, and ends its job (S4). */
export async function endBrief(
  { batch, ledger, history, clock, notify }: StageContext,
  brief: LedgerBrief,
  end: BriefEnd,
): Promise<Step> {
  const finish = await finishBrief(ledger, brief, end, clock.now());
  if (finish.kind === 'passed') return stepFor(finish.state);
  const credits = chargedFor(brief, end);
  history.note(batch, {
    ...(end.status === 'succeeded' ? { succeeded: 1 } : { otherwise: 1 }),
    credits,
  });
  notify({ kind: 'lined', briefId: brief.id, status: end.status, error: end.error });
  return doneBefore(finish.followers);
}

/** As far as it is known by now. */
function chargedFor({ state }: LedgerBrief, { status, final }: BriefEnd): number {
  if (status === 'unknown') return 0;
  return final ?? (state.stage === 'ready' ? (state.final ?? state.reserved) : null) ?? 0;
}

function doneBefore(followers: readonly string[]): Step {
  return followers.length > 0 ? { kind: 'done', followers } : { kind: 'done' };
}

/** Where the results of a batch go on this machine. */
export interface ResultFolder {
  path: string;
  /** Whether what was just saved is in the batch's folder, and not in one that took its place (S5). */
  isHere(): Promise<boolean>;
  /**
   * The line to Redis over which it was compared with the folder; null where it has another one since. Redis may have gone
   * back, and not know of what was sent (S1).
   */
  comparedOver(): object | null;
}

/** What a step is made with of a brief that it comes after: the answer of a chat, or the first file. */
export type StepResult = { text: string } | { file: ReferenceFile };

/** Fills a draft with the results of what it comes after, by the names of their outputs. */
export type FillDraft = (draft: Draft, results: ReadonlyMap<string, StepResult>) => FilledDraft;

type FilledDraft =
  | {
      kind: 'filled';
      content: Omit<BodyParts, 'clientRequestId'>;
      /** That it refers to. */
      files: readonly ReferenceFile[];
    }
  /** It cannot be sent as it comes out; nothing was charged. */
  | { kind: 'refused'; code: string; reason: string };

/** Fetches what an address in a bucket holds onto this machine. */
export type FetchStored = (
  address: string,
) => Promise<{ kind: 'file'; file: ReferenceFile } | { kind: 'unusable'; reason: string }>;

/** What the stages of one batch work with. */
export interface StageContext {
  batch: string;
  nonce: string;
  /** Tells this life of the batch from a later one of the same name. */
  createdAt: number;
  ledger: BatchLedger;
  account: AccountLedger;
  /** Null, as `folder`, on a machine without the output folder. */
  journal: Journal | null;
  folder: ResultFolder | null;
  /** Where result files are kept; null where this process fetches none. */
  shelf: ResultShelf | null;
  client: RivyaClient;
  downloader: Downloader;
  /** Of downloads, over all batches of this process. */
  downloads: DownloadSlots;
  pacer: Pacer;
  pollPlanner: PollPlanner;
  /** How late ends of tasks were noticed, by model. */
  notices: DurationLedger;
  /** What was done lately, for people to look at. */
  history: HistoryLedger;
  /** The ledger's time, for whatever is kept or compared. */
  clock: Clock;
  /** This machine's own, for how long something took in this process. */
  machine(): MachineTime;
  log: Logger;
  notify: Notify;
  /** What a picture of this batch has to have at least; null where any size will do. */
  minSize(): Promise<PictureSize | null>;
  /** A file cannot be fetched for the time being. */
  noteFileTrouble(reason: string): void;
  /** Made of what is collected, for whoever looks at the folder. */
  thumbnails: BackgroundThumbnails;
  /** Aborted when the process is to stop: waits end, requests under way are finished. */
  stopping: AbortSignal;
  /** What a model makes; null for one that no list knows. */
  categoryOf(model: string): TaskCategory | null;
  /** Credits to reserve for a model while no price is known, and the least a task of it can cost. */
  priceOf(model: string): { guess: number; least: number };
  /** In-flight cap where no live worker was told one. */
  defaultInFlight: number;
  /** Briefs without a line, over all batches of this process, as last read; infinite while nobody knows. */
  briefsLeft(): number;
  /** Age from which an idempotency key may have been forgotten by the API (S1). */
  keyLifeMs: number;
  /** What a step is made with, once what it comes after has succeeded. */
  fillDraft: FillDraft;
  fetchStored: FetchStored;
  /** Reads from the folder what earlier lines say of results that steps wait for. */
  restoreResults(): Promise<void>;
  /** Has the ledger know what people have decided in the folder by now, where that is here. */
  hearVerdicts(): Promise<void>;
}
