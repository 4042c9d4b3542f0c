import { cancellationOf } from '../../batch/finish-brief.js';
import type { Move } from '../../ledger/brief-ledger.js';
import type { StateOf } from '../../ledger/brief-state.js';
import { moves, type OnlySend } from '../../ledger/moves.js';
import { type Addresses, lacksAddresses, needsUploads } from '../../ledger/reference-ledger.js';
import type { BriefResult } from '../../ledger/result-ledger.js';
import type { ChatTurn, Task } from '../../rivya/outcome.js';
import { idempotencyKey } from '../../shared/brief.js';
import { longestSinceMs } from '../../shared/clock.js';
import type { LineError } from '../../shared/manifest-line.js';
import { addressOf, resolveItems, withItems } from '../../shared/reference-items.js';
import { watchedAs } from '../../shared/task-category.js';
import { longestTurnWaitMs } from '../pacing/pacer.js';
import { readyReferences } from '../references/ready-references.js';
import { logAnswer } from './answers.js';
import { collectAnswerAtOnce } from './collect-answer.js';
import { decideSubmit, type SubmitAction } from './decide-submit.js';
import { askLeave, type Permit, type UnsentBrief, waitForLeave } from './permit.js';
import { explainRefusal, holdAll, liftHolds, noteTaken, probeCredits } from './refusal.js';
import { nextCheckInMs, settleTask, wasNeverPaid } from './settle.js';
import { type BriefInHand, endBrief, type StageContext, type Step, stepFor } from './step.js';

type SubmittingBrief = BriefInHand<StateOf<'submitting'>>;

/** Another send might be paid again (S1). */
const expiredMessage =
  'It was sent, and the answer was lost; by now the API may have forgotten its key, so it is not sent again because it may have been paid.';
const addressesLostMessage =
  'It may have been sent, and the addresses that its files had then are lost, so it cannot be sent again as it was.';
const sentOtherMessage =
  'It was sent with its earlier content, and its state was lost before the answer was known; it may have been paid, so it is not sent with what the input says now.';

/** So long until a folder that took no note, or is to be compared with Redis, is asked again. */
const noteAgainMs = 1_000;
/** A process that was frozen for longer (a closed lid) has lost its turn, and its job to another. */
const permitLifeMs = 60_000;
/** One in doubt is asked about again so soon where submissions are held. */
const lookAgainMs = 5_000;

/** The submit stage: a brief is sent once it has leave to, and what it refers to is uploaded. */
export async function submitBrief(context: StageContext, brief: UnsentBrief): Promise<Step> {
  if (await wantsUploads(context, brief)) {
    // Others ask for leave meanwhile.
    brief.seat.passOn();
    const step = await readyReferences(context, brief);
    if (step !== null) return step;
  }
  const admittance = await waitForLeave(context, brief);
  switch (admittance.kind) {
    case 'go':
      brief.seat.passOn(admittance.waitMs);
      return sendBrief(context, brief, admittance);
    case 'hold':
      return admittance;
    case 'passed':
      return stepFor(admittance.state);
    case 'stopped': {
      const end = cancellationOf(brief.state, 'collect');
      return end === null ? stepFor(brief.state) : endBrief(context, brief, end);
    }
    default:
      return admittance satisfies never;
  }
}

/** Asked of briefs with files alone. */
async function wantsUploads(
  { ledger }: StageContext,
  { id, state, content }: UnsentBrief,
): Promise<boolean> {
  if (!needsUploads(content)) return false;
  return lacksAddresses(await ledger.references.look(id), state.attempt);
}

/**
 * Sends a submission of unknown outcome again, with the same key and bytes (S1). It waits among the status checks: its
 * task may be running, so it is watched like one, and a paused batch does not leave it in doubt.
 */
export async function askAgain(context: StageContext, brief: UnsentBrief): Promise<Step> {
  const permit = await askLeave(context, brief, longestTurnWaitMs);
  switch (permit.kind) {
    case 'go': {
      brief.seat.passOn(permit.waitMs);
      const step = await sendBrief(context, brief, permit);
      if (step.kind !== 'hold' && step.kind !== 'later') return step;
      // Holds are for the submit queue: one that was refused now goes back there, one still in doubt stays.
      const read = await context.ledger.briefs.read(brief.id);
      if (read?.state.stage === 'submitting') return { kind: 'later', afterMs: lookAgainMs };
      return stepFor(read?.state ?? null);
    }
    case 'wait':
      return { kind: 'later', afterMs: Math.max(permit.waitMs, 100) };
    case 'halted':
    case 'stopped':
      return { kind: 'later', afterMs: lookAgainMs };
    case 'passed':
      return stepFor(permit.state);
    default:
      return permit satisfies never;
  }
}

/**
 * From the permit on: sends the brief's frozen request in its turn and acts on the answer. Safe to repeat at any point:
 * the state was saved before the send, and key and bytes never change (S1).
 */
export async function sendBrief(
  context: StageContext,
  asked: UnsentBrief,
  permit: Permit,
): Promise<Step> {
  const brief: SubmittingBrief = { ...asked, ...permit.brief };
  const { batch, nonce, keyLifeMs, pacer } = context;
  const { firstSentAt, sentOther, attempt, sends } = brief.state;
  const keyAgeMs = permit.nowMs + permit.waitMs - firstSentAt;
  if (sentOther) return endInDoubt(context, brief, sentOtherMessage);
  if (keyAgeMs >= keyLifeMs) return endInDoubt(context, brief, expiredMessage);
  const permittedAt = context.machine();
  pacer.noteLoad(permit);
  if ((await pacer.keepTurn(permit)) !== 'now') return unsent(context, brief, permit);
  if (permit.probe === 'credits') {
    const waitMs = await probeCredits(context);
    if (waitMs !== null) return unsent(context, brief, permit, waitMs);
  }
  const frozenMs = longestSinceMs(permittedAt, context.machine()) - permit.waitMs;
  if (frozenMs > permitLifeMs) return unsent(context, brief, permit);
  const frozen = await frozenBody(context, brief);
  if (frozen === null) {
    // What was sent in place of its files was lost: other bytes under its key would tell nothing (S1).
    if (permit.earlier === 'none') return unsent(context, brief, permit);
    return endInDoubt(context, brief, addressesLostMessage);
  }
  if (mayBeBehind(context, brief)) return unsent(context, brief, permit, noteAgainMs, 'batch');
  const trouble = await noteSend(context, brief, permit, frozen.addresses);
  if (trouble !== null) {
    // A full disk, or a folder that is gone: after a lost Redis nobody would know of this send (S1).
    context.notify({ kind: 'output_trouble', reason: trouble.message });
    return unsent(context, brief, permit, noteAgainMs, 'batch');
  }
  const { body } = brief.content;
  const key = idempotencyKey({ batch, briefId: brief.id, attempt, body, nonce });
  const request = { idempotencyKey: key, body: frozen.body };
  const { client } = context;
  const isChat = brief.content.request.endpoint === 'chat';
  const answer = await (isChat ? client.completeChat(request) : client.submit(request));
  logAnswer(context.log, { endpoint: 'submit', brief: brief.id, attempt, task: null }, answer);
  await noteTaken(context, 'submit', answer);
  const outcome =
    answer.kind === 'refused'
      ? { ...answer, refusal: await explainRefusal(context, answer.refusal) }
      : answer;
  const action = decideSubmit({
    outcome,
    sends,
    earlier: permit.earlier,
    keyAgeMs,
    keyLifeMs,
    uploads: uploadsIn(frozen.addresses),
    puttingsOff: brief.job.puttingsOff ?? 0,
  });
  return act(context, brief, permit, action);
}

async function act(
  context: StageContext,
  brief: SubmittingBrief,
  permit: Permit,
  action: SubmitAction,
): Promise<Step> {
  const { id: briefId, job } = brief;
  switch (action.kind) {
    case 'accept':
      return acceptTask(context, brief, permit, action.task);
    case 'answer':
      return takeAnswer(context, brief, permit, action.turn);
    case 'fail':
      return endBrief(context, brief, { status: 'failed', error: action.error });
    case 'end_unknown':
      return endBrief(context, brief, { status: 'unknown', error: action.error });
    case 'ask_again':
      context.notify({ kind: 'outcome_unknown', briefId, reason: action.reason });
      // From here on it is watched beside the running tasks: behind a backlog of submissions that wait for
      // its place in flight, it would never come to its turn.
      return { kind: 'next', stage: 'status', attempt: job.attempt, delayMs: action.afterMs };
    case 'give_back': {
      const waitMs = await holdAll(context, action.hold, 'submit', permit.probe);
      const move = (send: OnlySend) => moves.refused(send, action.requestId);
      return giveBack(context, brief, permit, move, { waitMs, of: 'all' });
    }
    case 'keep_open':
      return {
        kind: 'hold',
        of: 'all',
        waitMs: await holdAll(context, action.hold, 'submit', permit.probe),
      };
    case 'put_off': {
      context.notify({ kind: 'refused_unexplained', briefId, reason: action.reason });
      const { afterMs } = action;
      const step = await giveBack(context, brief, permit, moves.putOff, {
        waitMs: afterMs,
        of: 'batch',
      });
      // It alone waits, and no slot or place in flight with it (S2).
      if (step.kind !== 'hold') return step;
      return { kind: 'later', afterMs, puttingsOff: (job.puttingsOff ?? 0) + 1 };
    }
    case 'renew_references':
      return renewReferences(context, brief, permit);
    default:
      return action satisfies never;
  }
}

/** The API took it: its task id is saved before anything else, and watched from here on (S3). */
async function acceptTask(
  context: StageContext,
  brief: SubmittingBrief,
  { reserved, probe }: Permit,
  task: Task,
): Promise<Step> {
  const to = moves.accepted(brief.state, {
    taskId: task.id,
    reserved: task.reservedCredits,
    submittedAt: context.clock.now(),
    category: watchedAs(context.categoryOf(brief.content.request.model)),
    kind: reserved.priceKind,
  });
  const moved = await saveTaken(context, brief, to);
  // Where Redis has lost the brief meanwhile, its folder is what knows of the task.
  if (moved.kind === 'moved' || moved.state === null) await noteTask(context, brief.id, to);
  if (moved.kind === 'passed') return stepFor(moved.state);
  if (!wasNeverPaid(task)) await liftHolds(context, probe);
  if (task.status.kind !== 'running') {
    return settleTask(context, { ...brief, ...moved.brief }, task, probe);
  }
  const delayMs = await nextCheckInMs(context, to);
  return { kind: 'next', stage: 'status', attempt: to.attempt, delayMs };
}

/**
 * A turn of a chat is over with its answer, which is kept in the step that says so: killed before, it is asked for again
 * under the same key; killed after, it is there (S1, S3).
 */
async function takeAnswer(
  context: StageContext,
  brief: SubmittingBrief,
  { reserved, probe }: Permit,
  turn: ChatTurn,
): Promise<Step> {
  const { firstSentAt, attempt, sends } = brief.state;
  const completedAt = context.clock.now();
  const to = moves.answered(brief.state, {
    taskId: turn.id,
    reserved: turn.reservedCredits,
    final: turn.finalCredits,
    submittedAt: firstSentAt,
    completedAt,
    endedAt: completedAt,
    // Nothing of it is watched.
    category: watchedAs(null),
    kind: reserved.priceKind,
  });
  const { text, sessionId, usage } = turn;
  const moved = await saveTaken(context, brief, to, { attempt, text, sessionId, usage });
  if (moved.kind === 'passed') return stepFor(moved.state);
  await liftHolds(context, probe);
  // Asked for more than once, it is not known how long it took.
  if (sends === 1) {
    const tookMs = Math.max(0, completedAt - firstSentAt);
    context.pollPlanner.learn(reserved.priceKind, { fromMs: tookMs, toMs: tookMs });
  }
  return collectAnswerAtOnce(context, { ...brief, ...moved.brief });
}

/** Saves what the API has taken; another send of the same key may have been counted meanwhile, which changes nothing of it. */
async function saveTaken<S extends StateOf<'accepted'> | StateOf<'ready'>>(
  { ledger: { briefs } }: StageContext,
  brief: SubmittingBrief,
  to: S,
  result?: BriefResult,
): Promise<Move<S>> {
  const step = { to, ...(result && { result }) };
  const moved = await briefs.move(brief.id, { from: brief, ...step });
  if (moved.kind === 'moved' || moved.state?.stage !== 'submitting') return moved;
  const read = await briefs.read(brief.id);
  const again = read?.state.stage === 'submitting' && read.state.attempt === to.attempt;
  return again ? briefs.move(brief.id, { from: read, ...step }) : moved;
}

/** Whether what is known of a brief may be from before it was sent: Redis may have gone back since it was read (S1). */
function mayBeBehind({ folder }: StageContext, { readOver }: SubmittingBrief): boolean {
  return folder !== null && (readOver === null || folder.comparedOver() !== readOver);
}

/** So that it can be looked at, however old its key is, where Redis loses it. One that is not noted is asked about by its key. */
async function noteTask(
  { journal, notify }: StageContext,
  brief: string,
  { attempt, taskId: task, submittedAt: at, category, reserved }: StateOf<'accepted'>,
): Promise<void> {
  await journal?.note({ brief, attempt, task, at, category, reserved }).catch((error: Error) => {
    notify({ kind: 'output_trouble', reason: error.message });
  });
}

/**
 * What a lost Redis must not take along: what is sent, and when the clock of its key began to run. Null once it is
 * noted; else why the folder does not take it.
 */
async function noteSend(
  { journal }: StageContext,
  { id, content, state }: SubmittingBrief,
  { reserved }: Permit,
  addresses: Addresses | null,
): Promise<NodeJS.ErrnoException | null> {
  const { firstSentAt: sentAt, attempt, fingerprint, sends, seq, admittedAt, run } = state;
  const { credits, priceKind: kind } = reserved;
  const note = {
    ...{ brief: id, attempt, sentAt, credits, kind, fingerprint },
    ...(addresses && { references: addresses.items }),
    ...{ sends, seq, admittedAt, madeBy: run, content: content.text },
  };
  try {
    await journal?.note(note);
    return null;
  } catch (error) {
    const systemError = error as NodeJS.ErrnoException;
    if (typeof systemError.code !== 'string') throw error;
    return systemError;
  }
}

/** It may have been paid, and nobody can find out any more: a person decides (S1). */
function endInDoubt(context: StageContext, brief: SubmittingBrief, message: string): Promise<Step> {
  const error: LineError = { code: 'outcome_unknown', message, request_id: null };
  return endBrief(context, brief, { status: 'unknown', error });
}

/** A send that was announced did not happen: stopping, frozen for too long, taken back by a 429, or not possible now. */
function unsent(
  context: StageContext,
  brief: SubmittingBrief,
  permit: Permit,
  waitMs = 0,
  of: Extract<Step, { kind: 'hold' }>['of'] = 'all',
): Promise<Step> {
  return giveBack(context, brief, permit, moves.unsent, { waitMs, of });
}

/**
 * Nothing was charged for this send: by one of the moves back, the brief is among the waiting again. While an earlier
 * send of its key is open, it stays where it is, with its place in flight.
 */
async function giveBack(
  context: StageContext,
  brief: SubmittingBrief,
  { earlier }: Permit,
  move: (send: OnlySend) => StateOf<'admitted'>,
  { waitMs, of }: Omit<Extract<Step, { kind: 'hold' }>, 'kind'>,
): Promise<Step> {
  const held = { kind: 'hold', of, waitMs } as const;
  if (earlier === 'open') return held;
  const to = move({ state: brief.state, earlier });
  const moved = await context.ledger.briefs.move(brief.id, { from: brief, to });
  if (moved.kind === 'passed') return stepFor(moved.state);
  const { attempt } = to;
  if (attempt === brief.state.attempt) return held;
  return { kind: 'next', stage: 'submit', attempt, delayMs: waitMs };
}

/**
 * The API refused an address: its upload is forgotten, and made anew for a new attempt. Other bytes under the same
 * key would be a conflict; and the refusal was clear, so that nothing was charged for this attempt (S1).
 */
async function renewReferences(
  context: StageContext,
  brief: SubmittingBrief,
  permit: Permit,
): Promise<Step> {
  const { references, briefs } = context.ledger;
  const addresses = await references.addresses(brief.id);
  if (addresses !== null) {
    const { body, request } = brief.content;
    const sent = new Map<string, string>();
    const urls = addresses.items.map((item) => String(addressOf(item)));
    resolveItems(body, (sha256, item, index) => {
      sent.set(sha256, urls[index] ?? '');
      return item;
    });
    for (const [sha256, url] of sent) {
      await context.account.uploads.forget({ sha256, model: request.model }, url);
    }
    const refused = { ...addresses, refused: true };
    if ((await references.saveAddresses(brief.id, brief, refused)) === 'overtaken') {
      return stepFor((await briefs.read(brief.id))?.state ?? null);
    }
  }
  return giveBack(context, brief, permit, moves.readdressed, { waitMs: 0, of: 'all' });
}

/**
 * What is sent: the admitted body, with addresses in place of its placeholders. To be called after the permit: from
 * then on nobody changes the addresses of this attempt (S1).
 * @returns null where it refers to files, and what was to be sent in their place is not known (any more)
 */
async function frozenBody(
  { ledger }: StageContext,
  { id, state, content }: SubmittingBrief,
): Promise<{ body: string; addresses: Addresses | null } | null> {
  if (!needsUploads(content)) return { body: content.body, addresses: null };
  const addresses = await ledger.references.addresses(id);
  if (addresses?.attempt !== state.attempt) return null;
  return { body: withItems(content.body, addresses.items), addresses };
}

function uploadsIn(addresses: Addresses | null): 'none' | 'first' | 'renewed' {
  if (addresses === null) return 'none';
  return addresses.renewals === 0 ? 'first' : 'renewed';
}
