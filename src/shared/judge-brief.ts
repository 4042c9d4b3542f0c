import { decodeState, type ReadState, type StateOf } from './ledger/brief-state.js';
import type { PreparedBrief } from './prepared-brief.js';

/** What an input's brief is to a batch that may know it. */
export type BriefNews =
  /** The batch does not have it. */
  | { kind: 'fresh' }
  /** It has it with this content, made or to be made. */
  | { kind: 'same' }
  /** Made, and to be made again: its content is another one, or everything is made anew. */
  | { kind: 'remake'; why: 'changed' | 'forced'; known: ReadState<StateOf<'lined'>> }
  /** Other content, and nothing is on its way to the API yet. */
  | { kind: 'replace'; known: ReadState<StateOf<'admitted'>> }
  /** Other content, and what became of the last attempt is not known: it may have been paid, so a person decides (S1). */
  | { kind: 'undecided' }
  /** Other content, while the earlier one is being made. */
  | { kind: 'under_way' };

/** Briefs made by earlier runs than this one are made anew; null where only what has changed is. */
export type ForcedRun = number | null;

/** @param stateText as the ledger has it; null for a brief that is not there */
export function judgeBrief(
  { fingerprint }: PreparedBrief,
  stateText: string | null,
  forced: ForcedRun,
): BriefNews {
  if (stateText === null) return { kind: 'fresh' };
  const [stage, , had] = stateText.split('|', 3);
  const why = had === fingerprint ? 'forced' : 'changed';
  // Most of a million: nothing more of them needs to be read.
  if (why === 'forced' && (forced === null || stage !== 'lined')) return { kind: 'same' };
  const { text, state } = decodeState(stateText);
  switch (state.stage) {
    case 'lined':
      if (why === 'forced' && (state.run ?? 0) >= (forced ?? 0)) return { kind: 'same' };
      if (state.status === 'unknown' && forced === null) return { kind: 'undecided' };
      return { kind: 'remake', why, known: { text, state } };
    case 'admitted':
      return { kind: 'replace', known: { text, state } };
    case 'submitting':
    case 'accepted':
    case 'ready':
      return { kind: 'under_way' };
    default:
      return state satisfies never;
  }
}
