import { createHash } from 'node:crypto';
import type { AccountView } from '../ledger/account-view.js';
import type { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, cappedBy, leftOf, wholeOf, withoutSuccess } from '../ledger/batch-meta.js';
import type { Announced, Announcement, Message, MessageKind } from '../ledger/message-ledger.js';
import { runReport } from '../results/run-report.js';
import { outOfCredits } from '../shared/out-of-credits.js';
import { counted, formatCredits, grouped } from '../shared/quantities.js';
import { isSimulated } from '../shared/simulated.js';
import type { Awaited } from './steps.js';

/** What somebody who is not there is told of a batch. */
export interface BatchEvent {
  kind: MessageKind;
  /** One sentence for a person, with the batch's name. */
  text: string;
  /** The same in a word, for programs; null where there is nothing to add to the kind. */
  reason: string | null;
  /** The same word whenever the same thing is found again: it is told once. Another one is told again. */
  occasion: string;
}

/**
 * Has those told of a batch who want to be (`--notify`). Safe to repeat, from several processes, and over a kill: an
 * event is told once, however often it is announced.
 */
export async function announce(
  ledger: BatchLedger,
  meta: BatchMeta,
  event: BatchEvent,
  nowMs: number,
): Promise<Announced> {
  return ledger.announce(announcementOf(meta, event, nowMs), event.occasion);
}

/** That nothing is left to do before a person has said what is to become of some results. */
export async function announceApproval(
  ledger: BatchLedger,
  meta: BatchMeta,
  { count, occasion }: Pick<Awaited, 'count' | 'occasion'>,
  nowMs: number,
): Promise<void> {
  const text = `Batch ${meta.name}: ${counted(count, 'result')} ${count === 1 ? 'waits' : 'wait'} for approval, and nothing else is left to do before that. See ${meta.out}`;
  await announce(ledger, meta, { kind: 'approval', text, reason: null, occasion }, nowMs);
}

/**
 * A batch's end, as `markFinalized` keeps it: `finished` where every brief succeeded, else `failed`; exactly one of them.
 * Whoever wants to be told when it has finished is told of either: silence would not say that it has ended at all.
 */
export function announcementOfEnd(meta: BatchMeta, nowMs: number): Announcement {
  const good = meta.stage !== 'cancelled' && withoutSuccess(meta) === 0;
  const { admissions, lines, spent } = meta;
  // After a lost Redis the same end has the same id, and another one another.
  const occasion = JSON.stringify([admissions, lines, spent]);
  const event: BatchEvent = good
    ? { kind: 'finished', text: goodEndText(meta), reason: null, occasion }
    : { kind: 'failed', text: badEndText(meta), reason: badEndReason(meta), occasion };
  const announcement = announcementOf(meta, event, nowMs);
  return good ? announcement : { ...announcement, wantedAs: ['failed', 'finished'] };
}

function goodEndText({ name, admitted, spent, takenOver }: BatchMeta): string {
  const kept = takenOver > 0 ? `, ${grouped(takenOver)} of them taken over unchanged` : '';
  return `Batch ${name} has finished: ${grouped(admitted)} of ${counted(admitted, 'brief')} succeeded${kept}; ${formatCredits(spent)} spent.`;
}

function badEndText(meta: BatchMeta): string {
  const { name, admitted, lines, spent, out, stage } = meta;
  const { failed, unknown, cancelled } = lines;
  const ended = stage === 'cancelled' ? 'was cancelled' : 'has finished';
  const many = counted(admitted, 'brief');
  return `Batch ${name} ${ended}, and ${grouped(withoutSuccess(meta))} of ${many} did not succeed (${failed} failed, ${unknown} unknown, ${cancelled} cancelled); ${formatCredits(spent)} spent. See ${out}`;
}

function badEndReason({ stage }: BatchMeta): string {
  return stage === 'cancelled' ? 'cancelled' : 'not_succeeded';
}

/** What keeps a batch from going on until a person, or a new balance, helps. */
export type Standstill = 'capped' | 'no_credits' | 'key_refused' | 'api_down';

/**
 * Null where it goes on, or has nothing left to submit.
 * @param inFlight its tasks under way: what they give back may make room below a cap
 */
export function standstillOf(
  meta: BatchMeta,
  { gate, downUntilMs }: Pick<AccountView, 'gate' | 'downUntilMs'>,
  inFlight: number,
): Standstill | null {
  if (leftOf(meta) === 0 || meta.stage === 'cancelled') return null;
  if (gate.kind === 'halted') return 'key_refused';
  if (gate.kind === 'parked') return 'no_credits';
  if (cappedBy(meta) !== null && inFlight === 0) return 'capped';
  // From the first failure until an answer, whether a probe is due or not.
  return downUntilMs > 0 ? 'api_down' : null;
}

/** Shorter ones pass by themselves. */
const toldAfterMs = 60_000;

/**
 * A batch that stands still is told of once, however long that lasts and whoever sees it.
 * @param when `at_once`: nobody works on it any more; `later`: once it has stood still for a minute
 */
export async function announceStandstill(
  ledger: BatchLedger,
  meta: BatchMeta,
  standstill: Standstill | null,
  { when, nowMs }: { when: 'at_once' | 'later'; nowMs: number },
): Promise<void> {
  const wait = await ledger.noteWait(standstill);
  if (wait === null || standstill === null) return;
  if (when === 'later' && wait.forMs < toldAfterMs) return;
  const text = standstillText(meta, standstill);
  const occasion = `${standstill} ${wait.sinceMs}`;
  await announce(ledger, meta, { kind: 'waiting', text, reason: standstill, occasion }, nowMs);
}

function standstillText(meta: BatchMeta, standstill: Standstill): string {
  const left = `${grouped(leftOf(meta))} of ${counted(wholeOf(meta), 'brief')} left`;
  return `Batch ${meta.name} has stopped with ${left}: ${why(meta, standstill)}.`;
}

function why(meta: BatchMeta, standstill: Standstill): string {
  switch (standstill) {
    case 'capped':
      return cappedBy(meta) === 'day_cap'
        ? "the next one would go over today's --max-credits-per-day"
        : 'the next one would go over its --max-credits';
    case 'no_credits':
      return `the account is ${outOfCredits(meta.origin)}`;
    case 'key_refused':
      return 'the API refuses the key';
    case 'api_down':
      return 'the API cannot be used';
    default:
      return standstill satisfies never;
  }
}

function announcementOf(meta: BatchMeta, event: BatchEvent, nowMs: number): Announcement {
  const { name: batch, out, createdAt, nonce, spent, reserved } = meta;
  const { kind, text, reason, occasion } = event;
  const { counts } = runReport(meta, nowMs);
  const message = messageOf({
    ...{ kind, batch, madeMs: nowMs },
    schedule: null,
    about: [batch, createdAt, nonce, occasion],
    said: {
      // Nobody who reads it elsewhere is to take it for a real one.
      text: isSimulated(meta) ? `SIMULATED: ${text}` : text,
      ...{ batch, out, counts, credits: { spent, reserved }, reason },
    },
  });
  return { to: `batch ${batch}`, wantedAs: [kind], message };
}

/** What a message says beside its id and type. */
interface Said {
  /** Slack shows it. */
  text: string;
  batch: string | null;
  out: string | null;
  counts: Record<string, number> | null;
  credits: { spent: number; reserved: number } | null;
  reason: string | null;
}

interface MadeMessage extends Pick<Message, 'kind' | 'batch' | 'schedule' | 'madeMs'> {
  /** What tells this event from all others: its id derives from that, and is the same when it comes about again. */
  about: readonly (string | number)[];
  said: Said;
}

/** A message as it is kept and sent. */
export function messageOf({ about, said, ...made }: MadeMessage): Message {
  const { kind, madeMs } = made;
  const hash = createHash('sha256').update(JSON.stringify([kind, ...about]));
  const id = `msg_${hash.digest('hex').slice(0, 32)}`;
  const at = new Date(madeMs).toISOString();
  return {
    v: 1,
    id,
    ...made,
    body: JSON.stringify({ id, type: `batch.${kind}`, at, ...said }),
    fate: { kind: 'due', tries: 0, why: null, nextMs: madeMs },
  };
}
