import { randomUUID } from 'node:crypto';
import { ErrorCode, Job, type JobJson } from 'bullmq';
import type { Logger } from 'pino';
import type { Clock } from '../shared/clock.js';
import type { QueueStage } from '../shared/queue-names.js';
import { type JobData, jobDataSchema, lockMs, type StageQueues } from '../shared/queues.js';
import { noSeat, type Seat, type StageJob, type Step } from './stages/step.js';

/** After so many unexpected errors in a row, about half an hour, a brief gets its line without its job. */
const mostTries = 40;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;

/** From a crash until the last of what was in hand can be taken: its locks have ended, and two looks were made. */
const suspectForMs = lockMs + 4_000;
/** So many may ask for jobs at once of which nobody knows whether they are there. */
const mostAsking = 32;
/** Two clocks of one moment, in this process and in BullMQ. */
const momentMs = 50;
/** Jobs of others are taken so long after the first of them is due: each time that none is left costs a question. */
const gatherMs = 25;
/** A queue that cannot be asked is left alone for so long. */
const troubleMs = 1_000;

/** What BullMQ says to whoever puts away a job that it has no longer. */
const notInHand = new Set<unknown>([
  ErrorCode.JobNotExist,
  ErrorCode.JobLockNotExist,
  ErrorCode.JobLockMismatch,
]);

export interface StageFeedOptions {
  stage: QueueStage;
  queues: StageQueues;
  /** By which BullMQ counts delays: the machine's own time of day, whatever the ledger's is. */
  clock: Clock;
  log: Logger;
  /** Does one job's work; safe to repeat at any point. */
  work(job: StageJob, seat: Seat): Promise<Step>;
  /** Gives a brief its line when its job has failed for good (S4), or says where it went meanwhile. */
  giveUp(job: StageJob, reason: string): Promise<Step>;
  /** Steps may go on, as far as they wait for no one: see `settleSteps`. */
  release(briefIds: readonly string[]): Promise<void>;
  /** Something that must be there was not found, or nothing of it can be done: whether the batch's state is lost. */
  lookForLoss(found: Miss): Promise<'lost' | 'whole'>;
  /** Gives every brief its job that has none. */
  mendJobs(): Promise<void>;
}

/**
 * What is not as it must be: nothing is left of a job that is in its queue or in hand; what it carries is nothing that is
 * known; the ledger does not have its brief; or nothing can be done.
 */
export type Miss = 'empty_job' | 'no_job' | 'no_brief' | 'trouble';

/** What BullMQ answers to whoever wants a job: the job and its id, or when the next one is due, 0 for none. */
type TakeReply = [JobJson | null, string, number, number];

/** A question for a job: for one that is known to be due, or for any. */
interface Asking {
  isKnown: boolean;
  /** Something has come while it was asked. */
  anew: boolean;
}

/** A job in hand. */
interface Held {
  token: string;
  sinceMs: number;
}

/** A job that was taken, and what is to be said with each of its moves. */
export interface TakenJob {
  job: Job<JobData>;
  token: string;
  /** News of its batch and of the account that were heard by then. */
  newsHeard: number;
}

/**
 * One queue of one batch, as far as this process knows it: when it may next have a job, what is in hand. The edge of a
 * stage, and the only place that turns steps into BullMQ operations. Nothing here asks by itself: a `StageLoop` takes
 * jobs where there is leave to, in fair turns.
 */
export class StageFeed {
  private readonly id = randomUUID();
  private readonly inHand = new Map<string, Held>();
  private takes = 0;
  /** When each of the jobs is due that this process put off itself, the first one first. */
  private readonly dues: number[] = [];
  /** When Redis says that the next job is due that others have put off; there may be more of them then. */
  private othersDueMs = Number.POSITIVE_INFINITY;
  /** There may be any number of other jobs: asked for until there is none. */
  private mayHaveMore = true;
  /** So many may ask at once whether there is more: one, until it has got some. */
  private breadth = 1;
  /** Those that ask now; each is marked when something comes meanwhile. */
  private readonly asked = new Set<Asking>();
  /** Until then none is taken, whatever is there. */
  private shutMs = 0;
  /** What it is shut for ends with the account as well. */
  private shutForAccount = false;
  private newsHeard = 0;
  /** Taken together with the end of another one; it is next. */
  private readonly fetched: TakenJob[] = [];
  private suspectMs = 0;
  private ended: 'no' | 'closing' | 'abandoned' = 'no';
  /** Resolved whenever nothing is in hand any more. */
  private emptied: (() => void) | null = null;
  /** Set by the loop that takes from it. */
  onChange: () => void = () => undefined;
  /** Higher goes first. */
  priority = 0;
  /** Counts up with every job that the loop took: whose number is lowest has waited longest. */
  servedAt = 0;

  constructor(private readonly options: StageFeedOptions) {}

  get stage(): QueueStage {
    return this.options.stage;
  }

  /** From when on, in ms since the epoch, it is worth asking for a job. */
  get readyMs(): number {
    if (this.ended !== 'no') return Number.POSITIVE_INFINITY;
    if (this.fetched.length > 0) return 0;
    const [ownMs = Number.POSITIVE_INFINITY] = this.dues;
    const othersMs = this.mayHaveMore ? 0 : this.othersDueMs;
    const askMs = this.asked.size < this.breadth ? othersMs : Number.POSITIVE_INFINITY;
    return Math.max(Math.min(ownMs, askMs), this.shutMs);
  }

  /** There may be jobs of which nobody has told this process. */
  expectJobs(): void {
    for (const asked of this.asked) asked.anew = true;
    this.mayHaveMore = true;
    this.onChange();
  }

  /** There will be one more job, at a time that is known. */
  expectJobAt(dueMs: number): void {
    const later = this.dues.findLastIndex((due) => due <= dueMs) + 1;
    this.dues.splice(later, 0, dueMs);
    if (later === 0) this.onChange();
  }

  /** Takes nothing until then, and no longer where that is in the past. */
  shutUntil(untilMs: number): void {
    this.shutMs = untilMs;
    this.shutForAccount = false;
    this.onChange();
  }

  /** Whatever it was shut for may be over. */
  news(): void {
    this.newsHeard += 1;
    this.shutUntil(0);
    this.expectJobs();
  }

  /** The same, of the account. */
  accountNews(): void {
    this.newsHeard += 1;
    if (this.shutForAccount) this.shutUntil(0);
  }

  /** What a killed or frozen process had in hand is looked for from now on, for as long as its locks can last. */
  suspect(): void {
    this.suspectMs = this.options.clock.now() + suspectForMs;
  }

  /** Takes the next job; null where there is none, or none may be had. */
  async take(): Promise<TakenJob | null> {
    const { queues, stage, clock, log } = this.options;
    const queue = queues.queue(stage);
    const fetched = this.fetched.shift();
    if (fetched) return fetched;
    const ask = this.beginAsking();
    const token = this.nextToken();
    try {
      const reply = (await queue.getBackend().moveToActive(token)) as TakeReply;
      const taken = this.takeUp(reply, token);
      this.noteAnswer(ask, taken, reply);
      if (taken === null || this.ended === 'no') return taken;
      // It was closed meanwhile: nobody works on it here any more.
      this.fetched.push(taken);
      await this.releaseFetched();
      return null;
    } catch (error) {
      log.debug({ err: error, stage }, 'queue trouble');
      this.shutMs = clock.now() + troubleMs;
      this.mayHaveMore = true;
    } finally {
      this.asked.delete(ask);
    }
    return null;
  }

  /** For a job that is known to be due; else for any, of which several may ask at once. */
  private beginAsking(): Asking {
    const [dueMs = Number.POSITIVE_INFINITY] = this.dues;
    const isKnown = dueMs <= this.options.clock.now();
    const ask = { isKnown, anew: false };
    // Another one that asks meanwhile is for the next.
    if (isKnown) this.dues.shift();
    else {
      this.asked.add(ask);
      // What others have put off may be more than one.
      if (this.othersDueMs <= this.options.clock.now()) {
        this.mayHaveMore = true;
        this.othersDueMs = Number.POSITIVE_INFINITY;
      }
    }
    return ask;
  }

  private noteAnswer(ask: Asking, taken: TakenJob | null, [, , , nextMs = 0]: TakeReply): void {
    if (taken !== null) {
      if (!ask.isKnown) this.breadth = Math.min(mostAsking, this.breadth * 2);
      return;
    }
    this.breadth = 1;
    if (!ask.isKnown && !ask.anew) this.mayHaveMore = false;
    if (nextMs <= 0) return;
    // BullMQ counts from a moment later than this process does: it is not due yet, and comes in a moment.
    const isSoon = nextMs - this.options.clock.now() <= momentMs;
    if (ask.isKnown && isSoon) this.expectJobAt(nextMs);
    else if (!this.dues.some((dueMs) => Math.abs(dueMs - nextMs) <= momentMs)) {
      // Together with those that come due right after it.
      this.othersDueMs = Math.min(this.othersDueMs, nextMs + gatherMs);
      this.onChange();
    }
  }

  private nextToken(): string {
    this.takes += 1;
    return `${this.id}:${this.takes}`;
  }

  private takeUp([json, id]: TakeReply, token: string): TakenJob | null {
    if (!json) return null;
    const { queues, stage, clock } = this.options;
    this.inHand.set(id, { token, sinceMs: clock.now() });
    const job = Job.fromJSON(queues.queue(stage), json, id) as Job<JobData>;
    return { job, token, newsHeard: this.newsHeard };
  }

  /** Works on a job that was taken, and does with it what its step says. Never rejects. */
  async run(taken: TakenJob, seat: Seat): Promise<void> {
    const { log, stage } = this.options;
    const { job, token } = taken;
    try {
      await this.process(taken, seat);
    } catch (error) {
      // It is still locked, or its lock was lost: found again like that of a killed worker.
      if (this.ended !== 'abandoned') log.debug({ err: error, stage }, 'a job was not put away');
      this.suspect();
    } finally {
      if (job.id !== undefined && this.inHand.get(job.id)?.token === token) {
        this.inHand.delete(job.id);
      }
      if (this.inHand.size === 0) this.emptied?.();
    }
  }

  /** Says of what has been in hand for a while that it still is. */
  async renewLocks(olderThanMs: number): Promise<void> {
    if (this.ended === 'abandoned') return;
    const { queues, stage, clock, log } = this.options;
    const before = clock.now() - olderThanMs;
    const old = [...this.inHand].filter(([, { sinceMs }]) => sinceMs <= before);
    if (old.length === 0) return;
    const ids = old.map(([id]) => id);
    const tokens = old.map(([, { token }]) => token);
    await queues
      .queue(stage)
      .getBackend()
      .extendLocks(ids, tokens, lockMs)
      .catch((error: unknown) => log.debug({ err: error, stage }, 'locks were not renewed'));
  }

  /** Gives back to the queue what a killed or frozen process had in hand, where there may be such. */
  async rescue(): Promise<void> {
    const { queues, stage, clock, log } = this.options;
    if (this.ended !== 'no' || clock.now() > this.suspectMs) return;
    const queue = queues.queue(stage);
    try {
      // By their ids: one that is taken while the answer is on its way would make up for another's, were they counted.
      const before = new Set(this.inHand.keys());
      const active = await queue.getRanges(['active']);
      if (active.every((id) => before.has(id) || this.inHand.has(id))) {
        this.suspectMs = 0;
        return;
      }
      const found = await queue.getBackend().moveStalledJobsToWait();
      if (found.length > 0) this.expectJobs();
    } catch (error) {
      log.debug({ err: error, stage }, 'queue trouble');
    }
  }

  get isSuspect(): boolean {
    return this.suspectMs > 0;
  }

  /** Takes no more jobs and waits for those in hand. */
  async close(): Promise<void> {
    if (this.ended === 'no') this.ended = 'closing';
    await this.releaseFetched();
    if (this.inHand.size === 0 || this.ended === 'abandoned') return;
    await new Promise<void>((resolve) => {
      this.emptied = resolve;
    });
  }

  /** Ends without waiting: what is in hand is picked up by another worker when its lock ends. */
  abandon(): void {
    this.ended = 'abandoned';
    this.emptied?.();
  }

  /**
   * Gives every job that failed for good its line. Such are of an earlier version, which counted failures in BullMQ, or
   * somebody's by hand.
   */
  async sweepFailed(): Promise<void> {
    const { queues, stage, log } = this.options;
    for (const job of await queues.queue(stage).getFailed()) {
      if (!job) continue;
      await this.endFailed(job).catch((error: unknown) => {
        if (this.ended === 'abandoned') return;
        log.error({ err: error, stage, brief: job.data?.brief }, 'could not end a failed brief');
      });
    }
  }

  private async process(taken: TakenJob, seat: Seat): Promise<void> {
    const { job, token } = taken;
    const parsed = jobDataSchema.safeParse(job.data);
    const isEmpty = Object.keys(job.data).length === 0;
    // Left as it is: whoever begins anew takes it away with the rest.
    if (!parsed.success && (await this.isLost(isEmpty ? 'empty_job' : 'no_job'))) {
      return this.putBack(job, token);
    }
    if (isEmpty) {
      // First of all it goes: in its place none could be added.
      await this.complete(taken, seat);
      return this.options.mendJobs();
    }
    try {
      if (!parsed.success) throw parsed.error;
      const stageJob = stageJobOf(parsed.data);
      await this.apply(await this.options.work(stageJob, seat), stageJob, taken, seat);
    } catch (error) {
      const { code } = error as { code?: unknown };
      const isGone = code === ErrorCode.JobNotExist;
      if (await this.isLost(isGone ? 'empty_job' : 'trouble')) return this.putBack(job, token);
      // Another one works on it, or has ended it: this process was frozen for longer than a lock lasts.
      if (notInHand.has(code)) throw error;
      await this.fail(job, token, error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Where Redis does not even say that, what was found is told as it is. */
  private async isLost(found: Miss): Promise<boolean> {
    if (this.ended === 'abandoned') return true;
    return (await this.options.lookForLoss(found).catch(() => 'whole')) === 'lost';
  }

  private async apply(step: Step, stageJob: StageJob, taken: TakenJob, seat: Seat): Promise<void> {
    const { job, token } = taken;
    switch (step.kind) {
      case 'done':
        // Before the job is: a crash in between finds them by it.
        if (step.followers !== undefined) await this.options.release(step.followers);
        return this.complete(taken, seat);
      case 'next': {
        const { stage, attempt, delayMs, urls, rereads, faulty } = step;
        // A job cannot be added while it is there itself: it goes on as it is.
        if (this.isOwn(step, stageJob)) {
          return this.apply({ kind: 'later', afterMs: delayMs }, stageJob, taken, seat);
        }
        const next = {
          ...{ brief: stageJob.briefId, attempt, delayMs },
          ...(urls ? { urls } : {}),
          ...(rereads ? { rereads } : {}),
          ...(faulty ? { faulty } : {}),
        };
        await this.options.queues.add(stage, [next]);
        return this.complete(taken, seat);
      }
      case 'later': {
        const { fresh, tries, puttingsOff } = step;
        const changed = {
          ...fresh,
          ...(tries ? { tries } : {}),
          ...(puttingsOff ? { puttingsOff } : {}),
        };
        const isChanged = Object.keys(changed).length > 0 || stageJob.hinted;
        // What was hinted at was looked at.
        const data = isChanged ? { ...job.data, ...changed, hinted: undefined } : null;
        return this.delay(job, token, step.afterMs, {
          skipAttempt: true,
          // Saved with the move: a crash repeats this step or the next, never the one before.
          ...(data && { fieldsToUpdate: { data: JSON.stringify(data) } }),
        });
      }
      case 'hold':
        if (step.of === 'all') seat.hold(step.waitMs);
        else if (taken.newsHeard === this.newsHeard) {
          this.shutUntil(this.options.clock.now() + step.waitMs);
          this.shutForAccount = step.of === 'batch_until_account';
        }
        await this.putBack(job, token);
        return this.releaseFetched();
      case 'wait': {
        const { briefId: brief, attempt } = stageJob;
        await this.options.queues.add('waiting', [{ brief, attempt, delayMs: 0 }]);
        await this.complete(taken, seat);
        // What it waits for may have come meanwhile.
        return this.options.release([brief]);
      }
      case 'missing':
        if (await this.isLost('no_brief')) return this.putBack(job, token);
        return this.complete(taken, seat);
      default:
        return step satisfies never;
    }
  }

  /** Ends a job, and takes the next one in the same step where there is no better use for the seat. */
  private async complete({ job, token }: TakenJob, seat: Seat): Promise<void> {
    const backend = this.options.queues.queue(this.options.stage).getBackend();
    const takesNext = this.ended === 'no' && seat.handsOn();
    const ask = takesNext ? this.beginAsking() : null;
    try {
      const { result } = await backend.moveToCompleted(job, null, true, token, takesNext);
      if (ask === null || !Array.isArray(result)) return;
      const reply = result as TakeReply;
      const next = this.takeUp(reply, token);
      this.noteAnswer(ask, next, reply);
      if (next !== null) this.fetched.push(next);
    } catch (error) {
      if (ask !== null) this.mayHaveMore = true;
      throw error;
    } finally {
      if (ask !== null) this.asked.delete(ask);
    }
    if (this.ended !== 'no') await this.releaseFetched();
  }

  /** Nobody works on what was taken beforehand: it is not to lie locked. */
  private async releaseFetched(): Promise<void> {
    for (const { job, token } of this.fetched.splice(0)) {
      if (job.id !== undefined) this.inHand.delete(job.id);
      if (this.ended !== 'abandoned') await this.putBack(job, token);
    }
  }

  /** To the head of its queue. */
  private async putBack({ id = '' }: Job<JobData>, token: string): Promise<void> {
    await this.options.queues
      .queue(this.options.stage)
      .getBackend()
      .moveJobFromActiveToWait(id, token);
    this.expectJobs();
  }

  private async delay(
    { id = '' }: Job<JobData>,
    token: string,
    afterMs: number,
    options: { skipAttempt?: boolean; fieldsToUpdate?: Record<string, string> },
  ): Promise<void> {
    const { queues, stage, clock } = this.options;
    const nowMs = clock.now();
    const delayMs = Math.ceil(afterMs);
    await queues.queue(stage).getBackend().moveToDelayed(id, nowMs, delayMs, token, options);
    this.expectJobAt(nowMs + delayMs);
  }

  /** Unexpected: it is tried again, spaced, and after many times its brief gets a line without it (S4). */
  private async fail(job: Job<JobData>, token: string, error: Error): Promise<void> {
    const { log, stage } = this.options;
    log.error({ err: error, stage, brief: job.data?.brief }, 'a step failed unexpectedly');
    const tries = job.attemptsMade + 1;
    if (tries >= mostTries && (await this.endGivenUp(job, token, error.message))) return;
    const afterMs = Math.min(longestRetryMs, firstRetryMs * 2 ** (tries - 1));
    await this.delay(job, token, afterMs, { fieldsToUpdate: { failedReason: error.message } });
  }

  /** @returns whether its brief has its line, or goes on elsewhere */
  private async endGivenUp(job: Job<JobData>, token: string, reason: string): Promise<boolean> {
    const { log, stage } = this.options;
    try {
      const stageJob = stageJobOf(jobDataSchema.parse(job.data));
      const step = await this.options.giveUp(stageJob, reason);
      if (this.isOwn(step, stageJob)) return false;
      await this.apply(step, stageJob, { job, token, newsHeard: this.newsHeard }, noSeat);
      return true;
    } catch (error) {
      log.error({ err: error, stage, brief: job.data?.brief }, 'could not end a failed brief');
      return false;
    }
  }

  private async endFailed(job: Job<JobData>): Promise<void> {
    const { brief, attempt } = jobDataSchema.parse(job.data);
    const step = await this.options.giveUp({ briefId: brief, attempt }, job.failedReason);
    if (step.kind === 'missing' && (await this.isLost('no_brief'))) return;
    if (this.isOwn(step, { attempt })) return job.retry();
    if (step.kind === 'next') await this.options.queues.add(step.stage, [{ ...step, brief }]);
    await job.remove();
  }

  private isOwn(step: Step, { attempt }: Pick<StageJob, 'attempt'>): boolean {
    return step.kind === 'next' && step.stage === this.options.stage && step.attempt === attempt;
  }
}

function stageJobOf(data: JobData): StageJob {
  const { brief, attempt, urls, rereads, faulty, hinted, tries, puttingsOff } = data;
  return {
    briefId: brief,
    attempt,
    ...(urls ? { urls } : {}),
    ...(rereads ? { rereads } : {}),
    ...(faulty ? { faulty } : {}),
    ...(hinted ? { hinted } : {}),
    ...(tries ? { tries } : {}),
    ...(puttingsOff ? { puttingsOff } : {}),
  };
}
