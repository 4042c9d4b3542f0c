import type { Redis } from 'ioredis';
import {
  admittedContent,
  type PreparedBrief,
  parseContent,
  type StoredContent,
} from '../shared/brief.js';
import type { LineStatus } from '../shared/manifest-line.js';
import { newsText } from '../shared/news.js';
import { type Pressure, utcDay } from './account-view.js';
import {
  type BriefState,
  decodeState,
  encodeState,
  type ReadState,
  type Stage,
  type StateOf,
} from './brief-state.js';
import { type AccountKeys, type BatchKeys, inFlightMember } from './keys.js';
import { holdings, moves, type Unfinished } from './moves.js';
import { type BriefResult, followersIn } from './result-ledger.js';
import { runScript } from './scripts.js';

export type Admission = Stage | 'reopened' | 'clash' | 'cancelled' | 'full' | 'missing';

/** How far a batch's admission has come, whoever admits. */
export interface AdmissionMark {
  admitted: number;
  /** How many more briefs there is room for. */
  room: number;
}

export interface Admitted extends AdmissionMark {
  /** In the order of the briefs. */
  answers: Admission[];
}

export type Move<S extends BriefState> = { kind: 'moved'; brief: ReadState<S> } | Passed;
/** `followers`: ids of the steps that come after it. */
export type Finish = { kind: 'finished'; followers: string[] } | Passed;

export interface FinishedBrief {
  from: ReadState;
  line: string;
  status: LineStatus;
  /** Credits, as the API states them; null where nobody knows: what is reserved stays so (S6). */
  charged: number | null;
  checks: number;
  downloads: number;
  nowMs: number;
  /** What others that come after it are made with; absent where there are none. */
  result?: BriefResult | 'drop' | undefined;
  /** Of which output of a recipe it is; absent where its batch has none. */
  output?: string | undefined;
  /** What becomes of what it is made from, which one that did not succeed needs for a retry. */
  content?: 'dropped_with_success' | 'kept';
}

/** An unfinished brief: where it stands, and what was frozen of it at admission. */
export interface LedgerBrief<S extends Unfinished = Unfinished> extends ReadState<S> {
  id: string;
  content: StoredContent;
}

/** What the ledger has of a brief; null for nothing. */
export interface BriefTexts {
  stateText: string | null;
  content: string | null;
}

/** What becomes of a brief's reserved credits with a move: see `lua/move.lua`. */
interface Credits {
  does: 'keep' | 'free' | 'state' | 'spend' | 'spend_as_stated';
  amount: number | '';
}

/** What is kept with a move, beside the state. */
interface Kept {
  /** What the brief is made from, from now on; absent where that stays. */
  content?: string;
  /** What is known of its result; absent where that stays. */
  result?: BriefResult | 'drop' | undefined;
}

/** Where each brief of one batch stands. Every change of a brief's stage goes through here. */
export class BriefLedger {
  constructor(
    private readonly redis: Redis,
    private readonly batch: string,
    private readonly keys: BatchKeys,
    private readonly account: AccountKeys,
    private readonly accountName: string,
  ) {}

  /** The encoded states, in the order given; null where a brief is new. */
  stateTexts(briefIds: readonly string[]): Promise<(string | null)[]> {
    return this.redis.hmget(this.keys.state, ...briefIds);
  }

  /** Where briefs stand, of those that the ledger knows. */
  async states(briefIds: readonly string[]): Promise<Map<string, BriefState>> {
    const states = new Map<string, BriefState>();
    if (briefIds.length === 0) return states;
    const texts = await this.stateTexts(briefIds);
    briefIds.forEach((id, index) => {
      const text = texts[index];
      if (typeof text === 'string') states.set(id, decodeState(text).state);
    });
    return states;
  }

  /** What `admit` would answer, without admitting: null where the brief is new. */
  async lookUp(briefs: PreparedBrief[]): Promise<(Admission | null)[]> {
    const texts = await this.stateTexts(briefs.map((brief) => brief.id));
    return texts.map((text, index) => {
      if (text === null) return null;
      const [stage, , fingerprint] = text.split('|', 3);
      return fingerprint === briefs[index]?.fingerprint ? (stage as Stage) : 'clash';
    });
  }

  /**
   * Admits new briefs, up to about 1,000 a call.
   * @param mostPending how many briefs of the batch may be without a line: beyond, a new one is answered `full`
   */
  async admit(
    briefs: readonly PreparedBrief[],
    nowMs: number,
    mostPending = Number.POSITIVE_INFINITY,
  ): Promise<Admitted> {
    const isBounded = Number.isFinite(mostPending);
    const values: (string | number)[] = [nowMs, isBounded ? mostPending : ''];
    const contents = await this.contentsOf(briefs);
    for (const [index, { id, fingerprint, waits }] of briefs.entries()) {
      const first: Stage = waits ? 'waiting' : 'admitted';
      values.push(id, fingerprint, contents[index] ?? '', first);
    }
    const { meta, state, content } = this.keys;
    const reply = await runScript(this.redis, 'admit', { keys: [meta, state, content], values });
    const answers = reply as (Admission | number)[];
    const [room, admitted] = answers.splice(-2).map(Number);
    return {
      answers: answers as Admission[],
      room: isBounded ? (room ?? 0) : mostPending,
      admitted: admitted ?? 0,
    };
  }

  /** What is kept of briefs that are admitted, or take the place of others, in their order. */
  async contentsOf(briefs: readonly PreparedBrief[]): Promise<string[]> {
    const kept = await this.redis.hget(this.keys.meta, 'requestIds');
    const requestIds = kept === 'given' ? kept : 'none';
    return briefs.map((brief) => admittedContent(this.batch, brief, requestIds));
  }

  async beginSubmit(
    brief: SubmitRequest,
    limits: { longestWaitMs: number; defaultInFlight: number; createdAt: number },
  ): Promise<SubmitPermit> {
    const { meta, state, reservations, submitQueue } = this.keys;
    const { pace, inFlight, gate, prices, firsts, day, clock } = this.account;
    const reply = (await runScript(this.redis, 'begin-submit', {
      keys: [
        ...[meta, state, pace, inFlight, gate, reservations, prices, firsts, day],
        ...[submitQueue, clock],
      ],
      values: [
        brief.id,
        brief.attempt,
        this.member(brief.id),
        limits.longestWaitMs,
        limits.defaultInFlight,
        brief.priceKind,
        brief.guess,
        brief.least,
        limits.createdAt,
      ],
    })) as [string, ...(string | number)[]];
    return readPermit(brief, reply);
  }

  /** Null when the ledger does not know the brief. */
  async read(briefId: string): Promise<ReadState | null> {
    const text = await this.redis.hget(this.keys.state, briefId);
    return text === null ? null : decodeState(text);
  }

  /** The encoded states with what the briefs are made from. */
  async stateAndContent(briefIds: readonly string[]): Promise<BriefTexts[]> {
    const [texts, contents] = await Promise.all([
      this.stateTexts(briefIds),
      this.readContents(briefIds),
    ]);
    return texts.map((stateText, index) => ({ stateText, content: contents[index] ?? null }));
  }

  /** Where a brief stands and what it is; `missing` where the ledger lacks either. */
  async find(briefId: string): Promise<LedgerBrief | 'lined' | 'missing'> {
    const { state: states, content: contents } = this.keys;
    // In this order: a move that finds the state as it was read here finds the content of that state (S1).
    const [stateText, contentText] = await Promise.all([
      this.redis.hget(states, briefId),
      this.redis.hget(contents, briefId),
    ]);
    if (!stateText) return 'missing';
    const { text, state } = decodeState(stateText);
    if (state.stage === 'lined') return 'lined';
    // It goes when its brief succeeds, and never before.
    if (!contentText) return 'missing';
    return { id: briefId, text, state, content: parseContent(contentText) };
  }

  /** What briefs are made from, in their order; null where nothing is kept of it. */
  async readContents(briefIds: readonly string[]): Promise<(string | null)[]> {
    return briefIds.length === 0 ? [] : this.redis.hmget(this.keys.content, ...briefIds);
  }

  async readContent(briefId: string): Promise<string | null> {
    return this.redis.hget(this.keys.content, briefId);
  }

  /** Compare-and-set; what the brief does not hold in its new stage is given back in the same step. */
  async move<S extends BriefState>(
    briefId: string,
    step: { from: ReadState; to: S } & Kept,
  ): Promise<Move<S>> {
    const { from, to, ...kept } = step;
    const text = encodeState(to);
    // The API has just said what it reserves (S6).
    const held = holdings[to.stage].credits ? 'keep' : 'free';
    const credits: Credits = isTaken(from.state, to)
      ? { does: 'state', amount: statedOf(to) }
      : { does: held, amount: '' };
    const set = await this.set(briefId, from, { text, state: to }, { credits, ...kept });
    return set.kind === 'set' ? { kind: 'moved', brief: { text, state: to } } : set;
  }

  /** Puts the brief's line into the outbox, once (S4), with its last state. */
  async finish(briefId: string, end: FinishedBrief): Promise<Finish> {
    const { from, line, status, charged, checks, downloads, nowMs, result, output, content } = end;
    const to = moves.lined(from.state, status);
    // What nobody knows to be over may yet be charged: it stays reserved, so the cap counts it (S6).
    const isSettled = status !== 'unknown' && charged !== null;
    const wasStated = from.state.stage === 'ready' && from.state.reserved === charged;
    const credits: Credits = isSettled
      ? { does: wasStated ? 'spend_as_stated' : 'spend', amount: charged }
      : { does: 'keep', amount: '' };
    const set = await this.set(
      briefId,
      from,
      { text: encodeState(to), state: to },
      { credits, result },
      [
        ...[line, status, checks, downloads, utcDay(nowMs), to.run ?? '', output ?? ''],
        status === 'succeeded' && content !== 'kept' ? 'drop' : 'keep',
      ],
    );
    return set.kind === 'set' ? { kind: 'finished', followers: set.followers } : set;
  }

  /** The compare-and-set of every move. */
  private async set(
    briefId: string,
    from: ReadState,
    to: ReadState,
    { credits, content: made = '', result }: Kept & { credits: Credits },
    line: (string | number)[] = [],
  ): Promise<{ kind: 'set'; followers: string[] } | Passed> {
    const { meta, state, reservations, outbox, content, results, followers } = this.keys;
    const { inFlight, day, prices, firsts, pace, tasks, clock, news: channel } = this.account;
    const gives = holdings[from.state.stage].place && !holdings[to.state.stage].place;
    const taskId = taskOf(from.state) ?? taskOf(to.state) ?? '';
    const news = [
      channel,
      newsText({ about: 'batch', name: this.batch }),
      newsText({ about: 'account', name: this.accountName }),
    ];
    const reply = (await runScript(this.redis, 'move', {
      keys: [
        ...[meta, state, inFlight, reservations, day, prices, firsts, pace, outbox, content],
        ...[`${tasks}${taskId}`, results, followers, clock],
      ],
      values: [
        ...[briefId, from.text, to.text, this.member(briefId), gives ? 'free' : 'keep'],
        ...[credits.does, credits.amount, ...news, made],
        result === undefined || result === 'drop' ? (result ?? '') : JSON.stringify(result),
        ...line,
      ],
    })) as [number, string?];
    return reply[0] === 1 ? { kind: 'set', followers: followersIn(reply[1]) } : passed(reply[1]);
  }

  /** Whether the brief may use `canonicalName` as it is (unique without regard to case). */
  async claimName(briefId: string, canonicalName: string): Promise<'plain' | 'needs_suffix'> {
    const { state, names } = this.keys;
    if (briefId === canonicalName) {
      // It is the brief's own, unless another one was faster.
      const owner = await this.redis.hget(names, canonicalName);
      return owner === null || owner === briefId ? 'plain' : 'needs_suffix';
    }
    const reply = await runScript(this.redis, 'claim-name', {
      keys: [state, names],
      values: [briefId, canonicalName],
    });
    return reply === 1 ? 'plain' : 'needs_suffix';
  }

  /**
   * Whether an attempt's files have the brief's name as it is: that of the first do, those of a later one where nothing
   * has it when they are first saved. Kept, so that a crash between file and line changes nothing of it (S5).
   */
  async claimPlainName(
    briefId: string,
    attempt: number,
    name: 'free' | 'taken',
  ): Promise<'plain' | 'marked'> {
    if (attempt === 1) return 'plain';
    // No name holds a newline.
    const field = `${briefId}\n${attempt}`;
    await this.redis.hsetnx(this.keys.names, field, name === 'free' ? 'plain' : 'marked');
    return (await this.redis.hget(this.keys.names, field)) === 'plain' ? 'plain' : 'marked';
  }

  private member(briefId: string): string {
    return inFlightMember(this.batch, briefId);
  }
}

/** The task that a place in flight is held for. */
function taskOf(state: BriefState): string | null {
  return state.stage === 'accepted' ? state.taskId : null;
}

type Taken = StateOf<'accepted'> | StateOf<'ready'>;

/** The API has just taken its submission: a task, or a turn of a chat, which is over by then. */
function isTaken(from: BriefState, to: BriefState): to is Taken {
  return from.stage === 'submitting' && (to.stage === 'accepted' || to.stage === 'ready');
}

/** What the API says that it costs, the larger of what it reserved and what it charged. */
function statedOf(to: Taken): number | '' {
  const stated = [to.reserved, to.stage === 'ready' ? to.final : null].filter(
    (one) => one !== null,
  );
  return stated.length === 0 ? '' : Math.max(...stated);
}

/** The answer to "may this brief be submitted now?". */
export type SubmitPermit =
  | {
      kind: 'go';
      /** The request's turn begins in so many ms. */
      waitMs: number;
      nowMs: number;
      brief: ReadState<Extract<BriefState, { stage: 'submitting' }>>;
      probe: Probe;
      reserved: { credits: number; priceKind: string };
      /** From one turn to the next. */
      spacingMs: number;
      /** `open`: an earlier send of this key got no clear answer, so it may have been taken. */
      earlier: 'open' | 'none';
      /** What limits the account at this moment. */
      pressure: Pressure;
      /** Requests that go out before the task has to be found over for another submission: see `lua/holds.lua`. */
      reach: number;
    }
  | Passed
  | { kind: 'wait'; waitMs: number; reason: WaitReason }
  | { kind: 'halted' }
  | { kind: 'stopped' };

/** What this one submission finds out for all: whether credits are back, or the API. */
export type Probe = 'credits' | 'recovery' | 'none';

export type WaitReason =
  | 'in_flight'
  | 'pace'
  | 'credits'
  | 'api_down'
  | 'first_price'
  | 'cap'
  | 'day_cap'
  | 'paused'
  | 'other_life';

/** What a brief asks leave for. */
export interface SubmitRequest {
  id: string;
  attempt: number;
  /** See `priceKind`. */
  priceKind: string;
  /** Credits to reserve while no price of that kind is known. */
  guess: number;
  /** The least that it can cost. */
  least: number;
}

/**
 * A step that finds another state than it read has been overtaken: `passed`, and nothing was changed. Null where the
 * state of the brief, or its batch, is missing.
 */
type Passed = { kind: 'passed'; state: BriefState | null };
function passed(text: string | number | undefined): Passed {
  return { kind: 'passed', state: text ? decodeState(String(text)).state : null };
}

function readPermit(brief: SubmitRequest, reply: [string, ...(string | number)[]]): SubmitPermit {
  switch (reply[0]) {
    case 'go':
      return {
        kind: 'go',
        waitMs: Number(reply[1]),
        nowMs: Number(reply[2]),
        brief: decodeState(String(reply[3])) as ReadState<
          Extract<BriefState, { stage: 'submitting' }>
        >,
        probe: reply[4] as Probe,
        reserved: { credits: Number(reply[5]), priceKind: brief.priceKind },
        spacingMs: Number(reply[6]),
        earlier: reply[7] === 'open' ? 'open' : 'none',
        pressure: reply[8] as Pressure,
        reach: Number(reply[9]),
      };
    case 'wait':
      return { kind: 'wait', waitMs: Number(reply[1]), reason: reply[2] as WaitReason };
    case 'halted':
      return { kind: 'halted' };
    case 'stopped':
      return { kind: 'stopped' };
    default:
      return passed(reply[1]);
  }
}
