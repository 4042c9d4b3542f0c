import type { FaultsByPoint } from './faults/fault.js';
import type { Fate } from './task.js';

/** One fate from the faults that struck; where two disagree on the outcome, the earlier rule has it. */
export function planFate(faults: readonly FaultsByPoint['fate'][], finalFactor: number): Fate {
  const fate: Fate = {
    outcome: { kind: 'succeeds', result: 'files' },
    finalFactor,
    hiddenForMs: 0,
    strangeStatus: null,
    extraFields: {},
    firstLinks: 'good',
    linksLateForMs: 0,
    filesLate: null,
    fileCount: null,
  };
  return faults.toReversed().reduce(withFault, fate);
}

function withFault(fate: Fate, fault: FaultsByPoint['fate']): Fate {
  switch (fault.kind) {
    case 'early-404':
      return { ...fate, hiddenForMs: fault.forMs };
    case 'task-fails': {
      const { code, error, charge } = fault;
      return { ...fate, outcome: { kind: 'fails', code, message: failure(code), error, charge } };
    }
    case 'never-ends':
      return { ...fate, outcome: { kind: 'never-ends' } };
    case 'null-result':
      return { ...fate, outcome: { kind: 'succeeds', result: 'null' } };
    case 'empty-urls':
      return { ...fate, outcome: { kind: 'succeeds', result: 'empty-urls' } };
    case 'many-urls':
      return { ...fate, fileCount: fault.count };
    case 'extra-fields':
      return {
        ...fate,
        extraFields: { queue_position: 3, provider: { region: 'eu', tags: ['a'] } },
      };
    case 'unknown-status':
      return { ...fate, strangeStatus: { word: fault.word, forMs: fault.forMs } };
    case 'final-credits':
      return { ...fate, finalFactor: fault.factor };
    case 'expire-first-url':
      return { ...fate, firstLinks: 'expired' };
    case 'late-urls':
      return { ...fate, linksLateForMs: fault.forMs };
    case 'late-files':
      return { ...fate, filesLate: { forMs: fault.forMs, status: fault.status } };
    default:
      return fault satisfies never;
  }
}

function failure(code: string): string {
  return code === 'generation_failed'
    ? 'The generation failed.'
    : `The generation failed: ${code}.`;
}
