import type { StateOf } from '../../ledger/brief-state.js';
import { moves, type OnlySend } from '../../ledger/moves.js';
import { type Addresses, needsUploads } from '../../ledger/reference-ledger.js';
import type { SubmitOutcome } from '../../rivya/outcome.js';
import { idempotencyKey, parseBody, parseContent } from '../../shared/brief.js';
import { longestSinceMs } from '../../shared/clock.js';
import { resolveItems, withItems } from '../../shared/reference-items.js';
import { logAnswer } from './answers.js';
import { decideSubmit } from './decide-submit.js';
import type { Acting, Go } from './permit.js';
import { holdSubmissions, noteTaken, probeCredits, settleRefusal } from './refusal.js';
import { acceptTask } from './settle.js';
import { endBrief, type StageContext, type StageJob, type Step, stepFor } from './step.js';

/** Another send might be paid again (S1). */
const expiredMessage =
  'It was sent, and the answer was lost; by now the API may have forgotten its key, so it is not sent again because it may have been paid.';
const addressesLostMessage =
  'It may have been sent, and the addresses that its files had then are lost, so it cannot be sent again as it was.';
const sentOtherMessage =
  'It was sent with its earlier content, and its state was lost before the answer was known; it may have been paid, so it is not sent with what the input says now.';

/** So long until a folder that took no note is asked again. */
const noteAgainMs = 1_000;
/** A process that was frozen for longer (a closed lid) has lost its turn, and its job to another. */
const permitLifeMs = 60_000;

/**
 * The submit stage, from the permit on: sends the brief's frozen request in its turn and acts on the answer.
 * Safe to repeat at any point: the state was saved before the send, and key and bytes never change (S1).
 */
export async function submitBrief(context: StageContext, job: StageJob, go: Go): Promise<Step> {
  const keyAgeMs = go.nowMs + go.waitMs - go.brief.state.firstSentAt;
  if (go.brief.state.sentOther) return endUnknown(context, job, { go, message: sentOtherMessage });
  if (keyAgeMs >= context.keyLifeMs)
    return endUnknown(context, job, { go, message: expiredMessage });
  const permittedAt = context.machine();
  if ((await context.pacer.keepTurn(go)) !== 'now') return giveUpTurn(context, job, go);
  if (go.trial === 'credits') {
    const turn = await context.pacer.turn();
    if (turn.kind === 'too_far') return unsent(context, job, { go, waitMs: turn.waitMs });
    const hold = await probeCredits(context);
    if (hold) {
      const waitMs = await holdSubmissions(context, hold, go.trial);
      return unsent(context, job, { go, waitMs });
    }
  }
  const frozenMs = longestSinceMs(permittedAt, context.machine()) - go.waitMs;
  if (frozenMs > permitLifeMs) return giveUpTurn(context, job, go);
  const frozen = await frozenBody(context, job, go);
  if (frozen.kind === 'without_addresses') return endWithoutAddresses(context, job, go);
  const { batch, nonce } = context;
  const { briefId, attempt } = job;
  const key = idempotencyKey({ batch, briefId, attempt, body: frozen.admitted, nonce });
  const unnoted = await noteSend(context, job, { go, addresses: frozen.addresses });
  if (unnoted !== null) return notNoted(context, job, { go, error: unnoted });
  const answer = await context.client.submit({ idempotencyKey: key, body: frozen.sent });
  logAnswer(context.log, { endpoint: 'submit', brief: briefId, attempt, task: null }, answer);
  await notePace(context, answer);
  const outcome = await settled(context, answer);
  const { sends } = go.brief.state;
  const { keyLifeMs } = context;
  const { earlier } = go;
  const action = decideSubmit({
    outcome,
    sends,
    earlier,
    keyAgeMs,
    keyLifeMs,
    uploads: uploadsIn(frozen),
    puttingsOff: job.puttingsOff ?? 0,
  });
  return act(context, { job, go, action });
}

async function settled(context: StageContext, outcome: SubmitOutcome): Promise<SubmitOutcome> {
  if (outcome.kind !== 'refused') return outcome;
  return { ...outcome, refusal: await settleRefusal(context, outcome.refusal) };
}

/** It may have been paid, and nobody can find out any more: a person decides (S1). */
async function endUnknown(
  context: StageContext,
  job: StageJob,
  { go, message }: { go: Go; message: string },
): Promise<Step> {
  const error = { code: 'outcome_unknown', message, request_id: null };
  const end = { status: 'unknown', error, assets: [], urls: [] } as const;
  return endBrief(context, job.briefId, { from: go.brief, end });
}

/** What was sent in place of its files was lost: other bytes under its key would tell nothing (S1). */
async function endWithoutAddresses(context: StageContext, job: StageJob, go: Go): Promise<Step> {
  if (go.earlier === 'none') return giveUpTurn(context, job, go);
  return endUnknown(context, job, { go, message: addressesLostMessage });
}

/**
 * What a lost Redis must not take along: what is sent, and when the clock of its key began to run. Null once it is
 * noted; else why the folder does not take it.
 */
async function noteSend(
  { journal }: StageContext,
  job: StageJob,
  { go, addresses }: { go: Go; addresses: Addresses | null },
): Promise<NodeJS.ErrnoException | null> {
  const { firstSentAt: sentAt, attempt, fingerprint, sends, seq, admittedAt, run } = go.brief.state;
  const { credits, priceKind: kind } = go.reserved;
  const brief = { brief: job.briefId, attempt, sentAt, credits, kind, fingerprint };
  const state = { sends, seq, admittedAt, madeBy: run, content: go.content };
  const references = addresses?.items;
  const note = { ...brief, ...(references ? { references } : {}), ...state };
  try {
    await journal?.note(note);
    return null;
  } catch (error) {
    const systemError = error as NodeJS.ErrnoException;
    if (typeof systemError.code !== 'string') throw error;
    return systemError;
  }
}

/** A full disk, or a folder that is gone: it is not sent, because after a lost Redis nobody would know of it (S1). */
async function notNoted(
  context: StageContext,
  job: StageJob,
  { go, error }: { go: Go; error: NodeJS.ErrnoException },
): Promise<Step> {
  context.notify({ kind: 'output_trouble', reason: error.message });
  return unsent(context, job, { go, waitMs: noteAgainMs });
}

function uploadsIn({ addresses }: Extract<FrozenBody, { kind: 'body' }>) {
  if (addresses === null) return 'none';
  return addresses.renewals === 0 ? 'first' : 'renewed';
}

async function notePace(context: StageContext, outcome: SubmitOutcome): Promise<void> {
  if (outcome.kind !== 'accepted' && outcome.kind !== 'refused') return;
  if (outcome.kind === 'refused' && outcome.refusal.kind === 'rate_limited') return;
  await noteTaken(context, 'submit', outcome.pace);
}

async function act(context: StageContext, { job, go, action }: Acting): Promise<Step> {
  switch (action.kind) {
    case 'accept':
      return acceptTask(context, { job, go, action });
    case 'fail':
    case 'end_unknown': {
      const status = action.kind === 'fail' ? 'failed' : 'unknown';
      const end = { status, error: action.error, assets: [], urls: [] } as const;
      return endBrief(context, job.briefId, { from: go.brief, end });
    }
    case 'put_off':
      context.notify({ kind: 'refused_unexplained', briefId: job.briefId, reason: action.reason });
      return putOff(context, { job, go }, action.afterMs);
    case 'ask_again':
      context.notify({
        kind: 'outcome_unknown',
        briefId: job.briefId,
        reason: action.reason,
      });
      // From here on it is watched beside the running tasks: behind a backlog of submissions that wait for
      // its place in flight, it would never come to its turn.
      return { kind: 'next', stage: 'status', attempt: job.attempt, delayMs: action.afterMs };
    case 'give_back': {
      const waitMs = await holdSubmissions(context, action.hold, go.trial);
      const back = (send: OnlySend) => moves.refused(send, action.requestId);
      return giveBack(context, { job, go }, back, waitMs);
    }
    case 'renew_references':
      return renewReferences(context, { job, go });
    case 'keep_open':
      return { kind: 'hold', waitMs: await holdSubmissions(context, action.hold, go.trial) };
    default:
      return action satisfies never;
  }
}

/**
 * Nothing was charged for this send: by one of the moves back, the brief is among the waiting again. While an earlier
 * send of its key is open, it stays where it is, with its place in flight.
 */
async function giveBack(
  context: StageContext,
  { job, go }: Pick<Acting, 'job' | 'go'>,
  move: (send: OnlySend) => StateOf<'admitted'>,
  waitMs: number,
): Promise<Step> {
  const { earlier, brief: from } = go;
  if (earlier === 'open') return { kind: 'hold', waitMs };
  const to = move({ state: from.state, earlier });
  const moved = await context.ledger.briefs.move(job.briefId, { from, to });
  if (moved.kind === 'passed') return stepFor(moved.state);
  if (to.attempt !== job.attempt) {
    return { kind: 'next', stage: 'submit', attempt: to.attempt, delayMs: waitMs };
  }
  return { kind: 'hold', waitMs };
}

/** Refused without a reason: it alone waits, and no slot or place in flight with it (S2). */
async function putOff(
  context: StageContext,
  { job, go }: Pick<Acting, 'job' | 'go'>,
  afterMs: number,
): Promise<Step> {
  const step = await giveBack(context, { job, go }, moves.putOff, afterMs);
  if (step.kind !== 'hold') return step;
  return { kind: 'later', afterMs, puttingsOff: (job.puttingsOff ?? 0) + 1 };
}

/** Stopping, frozen for too long, or taken back by a 429: it asks for another turn. */
async function giveUpTurn(context: StageContext, job: StageJob, go: Go): Promise<Step> {
  return unsent(context, job, { go, waitMs: 0 });
}

/** Takes back a send that was announced and did not happen. */
async function unsent(
  context: StageContext,
  job: StageJob,
  { go, waitMs }: { go: Go; waitMs: number },
): Promise<Step> {
  return giveBack(context, { job, go }, moves.unsent, waitMs);
}

/**
 * The API refused an address: its upload is forgotten, and made anew for a new attempt. Other bytes under the same
 * key would be a conflict; and the refusal was clear, so that nothing was charged for this attempt (S1).
 */
async function renewReferences(
  context: StageContext,
  { job, go }: Pick<Acting, 'job' | 'go'>,
): Promise<Step> {
  const { references, briefs } = context.ledger;
  const addresses = await references.addresses(job.briefId);
  if (addresses !== null) {
    const { body } = parseContent(go.content);
    const { model } = parseBody(body);
    const sent = new Map<string, string>();
    const urls = addresses.items.map(({ url }) => String(url));
    resolveItems(body, (sha256, item, index) => {
      sent.set(sha256, urls[index] ?? '');
      return item;
    });
    for (const [sha256, url] of sent) {
      await context.account.uploads.forget({ sha256, model }, url);
    }
    const refused = { ...addresses, refused: true };
    if ((await references.saveAddresses(job.briefId, go.brief, refused)) === 'overtaken') {
      return stepFor((await briefs.read(job.briefId))?.state ?? null);
    }
  }
  return giveBack(context, { job, go }, moves.readdressed, 0);
}

/** The bytes of one attempt. */
type FrozenBody =
  /** `admitted`: what the key is made of; `sent`: the same with addresses in place of placeholders. */
  | { kind: 'body'; admitted: string; sent: string; addresses: Addresses | null }
  /** It refers to files, and what was to be sent in their place is not known (any more). */
  | { kind: 'without_addresses' };

/** To be called after the permit: from then on nobody changes the addresses of this attempt (S1). */
async function frozenBody(
  { ledger }: StageContext,
  { briefId, attempt }: StageJob,
  { content }: Go,
): Promise<FrozenBody> {
  const { body: admitted } = parseContent(content);
  if (!needsUploads(content)) return { kind: 'body', admitted, sent: admitted, addresses: null };
  const addresses = await ledger.references.addresses(briefId);
  if (addresses?.attempt !== attempt) return { kind: 'without_addresses' };
  return { kind: 'body', admitted, sent: withItems(admitted, addresses.items), addresses };
}
