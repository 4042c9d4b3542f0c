import { hash } from 'node:crypto';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import type { BatchMeta } from '../ledger/batch-meta.js';
import { decodeState } from '../ledger/brief-state.js';
import type { BriefResult, StepSight } from '../ledger/result-ledger.js';
import { readDecisions } from '../results/decisions.js';
import { readableLines } from '../results/manifest.js';
import { parseContent, type StepInput } from '../shared/brief.js';
import type { LineError, ManifestLine } from '../shared/manifest-line.js';
import { queueStages } from '../shared/queue-names.js';
import type { StageQueues } from '../shared/queues.js';

/** A batch of which steps come after one another. */
export interface StepBatch {
  ledger: BatchLedger;
  queues: StageQueues;
}

/** Codes of the lines of steps that are not made because of what they come after. */
const notMadeCodes = { failed: 'step_before_failed', rejected: 'not_approved' } as const;

export function isNotMade(code: string): boolean {
  return (Object.values(notMadeCodes) as string[]).includes(code);
}

/** What becomes of a step, from what it comes after. */
export type StepDecision =
  /** All of it has succeeded, and where a person was to say yes, one has. */
  | { kind: 'go'; results: Map<string, BriefResult> }
  /** What it comes after has succeeded, and its result is to be read from the folder. */
  | { kind: 'unread' }
  /** For a brief, or for a person's yes. */
  | { kind: 'wait' }
  /** It is never made: its line says why. */
  | { kind: 'end'; error: LineError };

/** @param sights of what it comes after, in that order */
export function decideStep(
  after: readonly StepInput[],
  sights: readonly StepSight[],
): StepDecision {
  const results = new Map<string, BriefResult>();
  let waits = false;
  let unread = false;
  for (const [index, { output, id, approve }] of after.entries()) {
    const { state, result, verdict } = sights[index] ?? nothingSeen;
    if (state?.stage !== 'lined') {
      waits = true;
      continue;
    }
    if (state.status !== 'succeeded') {
      const message = `${id}, which it comes after, ended as ${state.status}; nothing was charged. "rivya-batch retry" opens both.`;
      return { kind: 'end', error: { code: notMadeCodes.failed, message, request_id: null } };
    }
    if (result === null) {
      unread = true;
      continue;
    }
    if (approve && verdict === 'rejected') {
      const message = `${id}, which it comes after, was rejected; nothing was charged.`;
      return { kind: 'end', error: { code: notMadeCodes.rejected, message, request_id: null } };
    }
    if (approve && verdict !== 'approved') {
      // Where it is to be made again, that attempt is the one for which a person is asked.
      waits = true;
      continue;
    }
    results.set(output, result);
  }
  if (unread) return { kind: 'unread' };
  return waits ? { kind: 'wait' } : { kind: 'go', results };
}

const nothingSeen: StepSight = { state: null, result: null, verdict: null };

/** A step that waits, and what it comes after. */
interface WaitingStep {
  id: string;
  attempt: number;
  after: readonly StepInput[];
}

/**
 * Moves steps on that waited for nothing more than what has come: their jobs go from the queue in which nobody works to
 * that of submissions. To be called for each step whenever it has got its job there, and whenever a brief that it comes
 * after has got its line, or a verdict: it is registered with these first, so that whichever comes last finds the other.
 * Safe to repeat; a job that a crash left behind goes with it.
 */
export async function settleSteps(batch: StepBatch, briefIds: readonly string[]): Promise<void> {
  if (briefIds.length === 0) return;
  const { ledger, queues } = batch;
  const { waiting, others } = await readSteps(ledger, briefIds);
  await ledger.results.follow(
    new Map(waiting.map(({ id, after }) => [id, after.map((input) => input.id)])),
  );
  const going: WaitingStep[] = [];
  for (const [step, decision] of await decideAll(ledger, waiting)) {
    if (decision.kind !== 'wait') going.push(step);
  }
  const jobs = going.map(({ id: brief, attempt }) => ({ brief, attempt, delayMs: 0 }));
  if (jobs.length > 0) await queues.add('submit', jobs);
  for (const { id, attempt } of [...going, ...others]) await queues.remove('waiting', id, attempt);
}

async function decideAll(
  ledger: BatchLedger,
  steps: readonly WaitingStep[],
): Promise<[WaitingStep, StepDecision][]> {
  const ids = [...new Set(steps.flatMap(({ after }) => after.map(({ id }) => id)))];
  const found = await ledger.results.look(ids);
  const sights = new Map(ids.map((id, index) => [id, found[index] ?? nothingSeen]));
  return steps.map((step) => {
    const seen = step.after.map(({ id }) => sights.get(id) ?? nothingSeen);
    return [step, decideStep(step.after, seen)];
  });
}

/** `others`: briefs that wait for no one any more. */
async function readSteps(
  ledger: BatchLedger,
  briefIds: readonly string[],
): Promise<{ waiting: WaitingStep[]; others: { id: string; attempt: number }[] }> {
  const texts = await ledger.briefs.stateAndContent(briefIds);
  const waiting: WaitingStep[] = [];
  const others: { id: string; attempt: number }[] = [];
  for (const [index, { stateText, content }] of texts.entries()) {
    if (stateText === null) continue;
    const id = briefIds[index] ?? '';
    const { stage, attempt } = decodeState(stateText).state;
    if (stage !== 'waiting') others.push({ id, attempt });
    else if (content !== null) {
      waiting.push({ id, attempt, after: parseContent(content).origin.after ?? [] });
    }
  }
  return { waiting, others };
}

const stepsAtOnce = 500;

/** All steps of a batch that wait, in chunks. */
async function* waitingSteps(ledger: BatchLedger): AsyncGenerator<WaitingStep[]> {
  for await (const briefs of ledger.scan()) {
    const ids = briefs.filter(({ read }) => read.state.stage === 'waiting').map(({ id }) => id);
    for (let at = 0; at < ids.length; at += stepsAtOnce) {
      yield (await readSteps(ledger, ids.slice(at, at + stepsAtOnce))).waiting;
    }
  }
}

/**
 * Takes out jobs of steps that wait no more, such as those that were cancelled: nobody takes them. Each is looked at after
 * its job was seen, so that one which was admitted or opened meanwhile keeps its own.
 */
export async function dropSettled({ ledger, queues }: StepBatch): Promise<void> {
  for (let kept = 0; ; ) {
    const jobs = await queues.waitingJobs(kept, stepsAtOnce);
    if (jobs.length === 0) return;
    const texts = await ledger.briefs.stateAndContent(jobs.map(({ brief }) => brief));
    const settled = jobs.filter(({ attempt }, index) => {
      const text = texts[index]?.stateText ?? null;
      if (text === null) return true;
      const { state } = decodeState(text);
      return attempt < state.attempt || (attempt === state.attempt && state.stage !== 'waiting');
    });
    await Promise.all(settled.map((job) => queues.remove('waiting', job.brief, job.attempt)));
    kept += jobs.length - settled.length;
  }
}

/**
 * Reads from the manifest what it says of results that steps wait for and the ledger does not have: of lines of an
 * earlier life, and of those that were made when nothing came after them. In one pass.
 */
export async function restoreResults(ledger: BatchLedger, out: string): Promise<void> {
  const wanted = new Set<string>();
  for await (const steps of waitingSteps(ledger)) {
    for (const [step, decision] of await decideAll(ledger, steps)) {
      if (decision.kind === 'unread') for (const { id } of step.after) wanted.add(id);
    }
  }
  if (wanted.size === 0) return;
  const results = new Map<string, BriefResult>();
  for await (const line of readableLines(out, () => undefined)) {
    const isWanted = wanted.has(line.brief_id) && line.status === 'succeeded';
    if (isWanted) results.set(line.brief_id, resultOf(line));
  }
  await ledger.results.restore(results);
}

/** What steps that come after a brief are made with. */
export function resultOf({
  attempt,
  text = null,
  assets: [asset],
}: Pick<ManifestLine, 'attempt' | 'text' | 'assets'>): BriefResult {
  return {
    attempt,
    ...(text === null ? {} : { text }),
    ...(asset && {
      file: {
        path: asset.path,
        bytes: asset.bytes,
        sha256: asset.sha256,
        mediaType: asset.media_type,
      },
    }),
  };
}

/** A result that a person is to say yes to, and the step that waits for that. */
interface Approval {
  step: string;
  id: string;
}

function approvalsOf(steps: readonly WaitingStep[]): Approval[] {
  return steps.flatMap(({ id: step, after }) =>
    after.filter(({ approve }) => approve === true).map(({ id }) => ({ step, id })),
  );
}

/**
 * Takes what people have decided in the batch's folder since, and moves on what waited for it.
 * @returns how many verdicts were new
 */
export async function takeVerdicts(batch: StepBatch, out: string): Promise<number> {
  const { ledger } = batch;
  // Of a result that Redis has lost, nobody would know whether it is the one that was decided about.
  await restoreResults(ledger, out);
  const decisions = await readDecisions(out);
  let taken = 0;
  for await (const steps of waitingSteps(ledger)) {
    const asked = approvalsOf(steps);
    const sights = await ledger.results.look(asked.map(({ id }) => id));
    const decided: string[] = [];
    for (const [index, { step, id }] of asked.entries()) {
      const { state, result, verdict: known } = sights[index] ?? nothingSeen;
      const sha256 = result?.file?.sha256;
      if (state?.stage !== 'lined' || sha256 === undefined) continue;
      const said = decisions.saidOf(id, state.attempt, sha256);
      if (said === null) continue;
      const verdict = said === 'undecided' ? null : said;
      if (verdict !== known) {
        await ledger.results.decide(id, state.attempt, { known, verdict });
        taken += 1;
      }
      decided.push(step);
    }
    await settleSteps(batch, decided);
  }
  return taken;
}

/**
 * What a batch waits for of which nothing moves: all that is left of it are steps that wait for a person. Null while
 * something does move, or is about to.
 * @param highWater where more of its input is admitted only as long as fewer briefs than these have no line
 */
export async function atRest(
  batch: StepBatch,
  { stage, outputs, pending }: BatchMeta,
  highWater = Number.POSITIVE_INFINITY,
): Promise<Awaited | null> {
  const isIn = stage === 'running' || (stage === 'admitting' && pending >= highWater);
  if (!isIn || outputs.length === 0) return null;
  const { ledger, queues } = batch;
  if ((await queues.countWaiting()) !== pending) return null;
  const going = await Promise.all(queueStages.map((name) => queues.unfinished(name)));
  if (going.some((count) => count > 0)) return null;
  const awaited = await awaitedApprovals(ledger);
  if (awaited.count > 0) return awaited;
  // Nobody is to be asked: a crash has left some behind.
  for await (const steps of waitingSteps(ledger)) {
    await settleSteps(
      batch,
      steps.map(({ id }) => id),
    );
  }
  return null;
}

/** Results for which a person is asked before anything goes on with them. */
export interface Awaited {
  count: number;
  /** Ids of those among them of which a person wants another attempt: a person opens that, too. */
  again: string[];
  /** Ids of the first of them. */
  first: string[];
  /** The same word for the same ones. */
  occasion: string;
}

const shown = 5;

export async function awaitedApprovals(ledger: BatchLedger): Promise<Awaited> {
  const awaited = new Set<string>();
  const again = new Set<string>();
  for await (const steps of waitingSteps(ledger)) {
    const asked = approvalsOf(steps);
    const sights = await ledger.results.look(asked.map(({ id }) => id));
    asked.forEach(({ id }, index) => {
      const { state, verdict } = sights[index] ?? nothingSeen;
      const isMade = state?.stage === 'lined' && state.status === 'succeeded';
      if (!isMade || verdict === 'approved' || verdict === 'rejected') return;
      awaited.add(`${id}\n${state.attempt}`);
      if (verdict === 'again') again.add(id);
    });
  }
  const sorted = [...awaited].sort();
  const first = sorted.slice(0, shown).map((key) => key.slice(0, key.lastIndexOf('\n')));
  return {
    count: sorted.length,
    again: [...again].sort(),
    first,
    occasion: hash('sha256', sorted.join('\n'), 'hex'),
  };
}
