import type { LineStatus } from '../shared/manifest-line.js';
import type { QueueName } from '../shared/queue-names.js';
import type { TaskCategory } from '../shared/task-category.js';
import type { BriefState, Stage, StateOf } from './brief-state.js';

/**
 * Every move of a brief's stage, in one table: which stage may follow which, what a brief holds there, and where an
 * attempt is minted. Pure; the scripts only compare the text of the state that a move began from, and set the text of
 * the one that it leads to.
 *
 *     from                  move          to           attempt
 *     -                     (admit.lua)   admitted     1; a step waits first
 *     waiting               fixed         admitted     same: nothing of it was sent
 *     admitted, submitting  (begin-submit.lua)
 *                                         submitting   same: saved before the send, so same key and bytes (S1)
 *     submitting            unsent        admitted     same
 *     submitting            putOff        admitted     same
 *     submitting            refused       admitted     same; minted where the API replays a refusal
 *     submitting            readdressed   admitted     minted
 *     submitting            accepted      accepted     same
 *     submitting            answered      ready        same: a chat answers at once
 *     accepted              lookedAt      accepted     same
 *     accepted              succeeded     ready        same
 *     accepted              neverPaid     admitted     minted
 *     ready                 rereadLinks   ready        same
 *     all but lined         lined         lined        same
 *     lined                 watchedAgain  accepted     same: pays for nothing (S3)
 *     waiting, admitted, lined
 *                           opened        admitted     minted; a step may wait first
 *
 * What a lost Redis took along is put back from the batch's folder, under the attempt that was minted before:
 *
 *     - or any but lined    sentBefore    submitting   of the journal
 *     waiting, admitted     recalled      the same     of the journal
 *     - or any              linedBefore   lined        of the manifest
 *
 * The two that begin in Lua are decided there because they need Redis' clock, or the next number, in the same step.
 */
export const moves = {
  /** What it comes after has succeeded: its body is fixed, in the same step, before the first send (S1). */
  fixed(state: StateOf<'waiting'>): StateOf<'admitted'> {
    return { ...admittedAgain(state), sends: 0, refusalId: null };
  },

  /** A send that was announced did not happen. */
  unsent({ state }: OnlySend): StateOf<'admitted'> {
    return { ...admittedAgain(state), sends: state.sends - 1, refusalId: state.refusalId };
  },

  /**
   * Refused and not charged, so the same key goes again; only a refusal that the API replays needs a new one (S1).
   * @param requestId of the refusal; null where there was no answer
   */
  refused({ state }: OnlySend, requestId: string | null): StateOf<'admitted'> {
    const { sends } = state;
    const isReplayed = requestId !== null && requestId === state.refusalId;
    if (!isReplayed) return { ...admittedAgain(state), sends, refusalId: requestId };
    const attempt = mint(state, 'refusal_replayed');
    return { ...admittedAgain(state), attempt, sends, refusalId: null };
  },

  /** Refused without a reason, so not charged: what the last clear refusal was is still known. */
  putOff({ state }: OnlySend): StateOf<'admitted'> {
    return { ...admittedAgain(state), sends: state.sends, refusalId: state.refusalId };
  },

  /** The address of an upload was refused: other bytes need another key (S1). */
  readdressed({ state }: OnlySend): StateOf<'admitted'> {
    const attempt = mint(state, 'address_refused');
    return { ...admittedAgain(state), attempt, sends: state.sends, refusalId: null };
  },

  accepted(state: StateOf<'submitting'>, task: AcceptedTask): StateOf<'accepted'> {
    const { sends } = state;
    return { stage: 'accepted', ...common(state), sends, ...task, checks: 0, runningAt: null };
  },

  /** A chat has answered: nothing is watched, and the answer is kept in the same step. */
  answered(state: StateOf<'submitting'>, turn: AcceptedTask & TaskSuccess): StateOf<'ready'> {
    const { sends } = state;
    return { stage: 'ready', ...common(state), sends, ...turn, checks: 0, runningAt: null };
  },

  /** @param runningAt when this look found the task running; null where it did not find out */
  lookedAt(state: StateOf<'accepted'>, runningAt: number | null): StateOf<'accepted'> {
    return { ...state, checks: state.checks + 1, runningAt: runningAt ?? state.runningAt };
  },

  succeeded(
    state: StateOf<'accepted'>,
    { reserved, final, ...times }: TaskSuccess,
  ): StateOf<'ready'> {
    const known = reserved ?? state.reserved;
    return { ...state, stage: 'ready', reserved: known, final, ...times };
  },

  /** The task is over and was not charged. */
  neverPaid(state: StateOf<'accepted'>): StateOf<'admitted'> {
    const attempt = mint(state, 'task_unpaid');
    return { ...admittedAgain(state), attempt, sends: state.sends, refusalId: null };
  },

  /** The task was asked for its links once more. */
  rereadLinks(state: StateOf<'ready'>): StateOf<'ready'> {
    return { ...state, checks: state.checks + 1 };
  },

  lined(state: BriefState, status: LineStatus): StateOf<'lined'> {
    if (state.stage === 'lined') throw new Error('a brief that has its line cannot get another');
    const { attempt, fingerprint, seq, run } = state;
    return { stage: 'lined', attempt, fingerprint, seq, status, run };
  },

  /** Its task is looked at once more, which its line tells about. */
  watchedAgain(
    { attempt, fingerprint, seq, run }: StateOf<'lined'>,
    task: AcceptedTask & Pick<StateOf<'accepted'>, 'admittedAt' | 'sends' | 'checks'>,
  ): StateOf<'accepted'> {
    return { stage: 'accepted', attempt, fingerprint, seq, run, ...task, runningAt: null };
  },

  /**
   * By a person's word, or by rule: its line leaves the manifest, or other content takes the place of what waited.
   * @param as `waiting`: a step whose body is to be fixed anew
   */
  opened(
    state: StateOf<'lined'> | Unsent,
    { fingerprint, admittedAt, run }: Opening,
    as: Unsent['stage'],
  ): Unsent {
    const attempt = mint(state, state.stage === 'lined' ? 'opened_again' : 'content_replaced');
    const { seq } = state;
    const common = { attempt, fingerprint, seq, admittedAt, run };
    return as === 'waiting'
      ? { stage: as, ...common }
      : { stage: as, ...common, sends: 0, refusalId: null };
  },

  /** The journal knows of a send that the ledger does not: it may have been charged, and is asked about (S1). */
  sentBefore(send: Omit<StateOf<'submitting'>, 'stage' | 'refusalId'>): StateOf<'submitting'> {
    return { stage: 'submitting', ...send, refusalId: null };
  },

  /** Its earlier attempts are over and in the history: neither their keys nor their files are used again. */
  recalled<S extends Unsent>(state: S, attempt: number): S {
    return { ...state, attempt };
  },

  linedBefore(line: Omit<StateOf<'lined'>, 'stage'>): StateOf<'lined'> {
    return { stage: 'lined', ...line };
  },
} as const;

/**
 * A send of a key that has no earlier one of which the outcome is open. Beside such a one nothing moves: given back, the
 * key's clock would begin anew, or another key be taken, for what may have been paid (S1).
 */
export interface OnlySend {
  state: StateOf<'submitting'>;
  earlier: 'none';
}

/** Nothing of this attempt is on its way to the API. */
export type Unsent = StateOf<'waiting'> | StateOf<'admitted'>;

/** It has no line yet. */
export type Unfinished = Exclude<BriefState, { stage: 'lined' }>;

/** What is known of a task when the API has taken it. */
export type AcceptedTask = Pick<
  StateOf<'accepted'>,
  'taskId' | 'reserved' | 'submittedAt' | 'kind'
> & { category: TaskCategory };

/** What the API says of a task that succeeded; credits null where it does not say. */
export type TaskSuccess = Pick<StateOf<'ready'>, 'reserved' | 'final' | 'completedAt' | 'endedAt'>;

/** What a new attempt of a brief is. */
export type Opening = Pick<StateOf<'admitted'>, 'fingerprint' | 'admittedAt' | 'run'>;

/**
 * What a brief holds in each stage: a place in flight (S7), and reserved credits (S6). What the next stage does not
 * hold is given back in the step that moves the brief.
 */
export const holdings = {
  waiting: { place: false, credits: false },
  admitted: { place: false, credits: false },
  submitting: { place: true, credits: true },
  accepted: { place: true, credits: true },
  /** Its task is over. */
  ready: { place: false, credits: true },
  /** But for what nobody knows to be over, or what nobody will learn the price of: that may yet be charged. */
  lined: { place: false, credits: false },
} as const satisfies Record<Stage, Holding>;

/** Whose job moves a brief on. One in doubt waits among the running tasks, unless the job that sent it is there still. */
export const queueOf = {
  waiting: 'waiting',
  admitted: 'submit',
  submitting: 'status',
  accepted: 'status',
  ready: 'collect',
  lined: null,
} as const satisfies Record<Stage, QueueName | null>;

export interface Holding {
  place: boolean;
  credits: boolean;
}

/**
 * Why a brief may be paid for under another key, and in which stage it must be then (S1): each says that nothing was
 * charged for the last attempt, that it is over, or that a person has decided. Never in doubt: nothing mints for a send
 * whose outcome is open.
 */
const mintedIn = {
  /** A clear refusal of the only open send; under the same key the API would repeat it for a day. */
  refusal_replayed: ['submitting'],
  /** Likewise, for an address: other bytes under the same key would be a conflict. */
  address_refused: ['submitting'],
  /** The task ended and the API says that it was not charged. */
  task_unpaid: ['accepted'],
  /** It waited with other content, which no one who still holds it gets leave to send any more. */
  content_replaced: ['waiting', 'admitted'],
  /** It has its line: retried, changed, or everything is made anew. */
  opened_again: ['lined'],
} as const satisfies Record<string, readonly Stage[]>;

type MintReason = keyof typeof mintedIn;

/** The one line that raises an attempt. */
function mint({ stage, attempt }: BriefState, reason: MintReason): number {
  const stages: readonly Stage[] = mintedIn[reason];
  if (!stages.includes(stage)) throw new Error(`no new attempt of a brief that is ${stage}`);
  return attempt + 1;
}

function common({ attempt, fingerprint, seq, admittedAt, run }: Unfinished) {
  return { attempt, fingerprint, seq, admittedAt, run };
}

function admittedAgain(state: Unfinished) {
  return { stage: 'admitted', ...common(state) } as const;
}
