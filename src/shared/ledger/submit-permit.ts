import { type BriefState, decodeState, type ReadState } from './brief-state.js';

/** The answer to "may this brief be submitted now?". */
export type SubmitPermit =
  | {
      kind: 'go';
      /** The request's turn begins in so many ms. */
      waitMs: number;
      nowMs: number;
      brief: ReadState<Extract<BriefState, { stage: 'submitting' }>>;
      trial: Trial;
      reserved: { credits: number; priceKind: string };
      /** From one turn to the next. */
      spacingMs: number;
      /** `open`: an earlier send of this key got no clear answer, so it may have been taken. */
      earlier: 'open' | 'none';
    }
  | Passed
  | { kind: 'wait'; waitMs: number; reason: WaitReason }
  | { kind: 'halted' }
  | { kind: 'stopped' };

/** What this one submission finds out for all: whether credits are back, or the API. */
export type Trial = 'credits' | 'recovery' | 'none';

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
  /** See `price-kind.ts`. */
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
export type Passed = { kind: 'passed'; state: BriefState | null };
export function passed(text: string | number | undefined): Passed {
  return { kind: 'passed', state: text ? decodeState(String(text)).state : null };
}

export function readPermit(
  brief: SubmitRequest,
  reply: [string, ...(string | number)[]],
): SubmitPermit {
  switch (reply[0]) {
    case 'go':
      return {
        kind: 'go',
        waitMs: Number(reply[1]),
        nowMs: Number(reply[2]),
        brief: decodeState(String(reply[3])) as ReadState<
          Extract<BriefState, { stage: 'submitting' }>
        >,
        trial: reply[4] as Trial,
        reserved: { credits: Number(reply[5]), priceKind: brief.priceKind },
        spacingMs: Number(reply[6]),
        earlier: reply[7] === 'open' ? 'open' : 'none',
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
