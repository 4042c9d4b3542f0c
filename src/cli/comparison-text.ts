import type { Comparison } from '../producer/compare-with-batch.js';
import { foundIn } from '../producer/compare-with-batch.js';
import { counted, grouped } from '../shared/quantities.js';

/** As `--json` prints it. */
export function comparisonJson(comparison: Comparison) {
  const { same, changed, forced, fresh, gone, undecided, underWay } = comparison;
  return { same, changed, forced, new: fresh, gone, undecided, being_made: underWay.count };
}

/** What an input is to the batch that it is given to; null for a batch that has nothing yet. */
export function comparisonText(comparison: Comparison): string | null {
  const { same, changed, forced, fresh, gone, undecided, underWay } = comparison;
  if (foundIn(comparison) + gone === 0) return null;
  const parts = [
    `${grouped(same)} as before`,
    `${grouped(changed)} changed`,
    `${grouped(fresh)} new`,
  ];
  if (forced > 0) parts.push(`${grouped(forced)} made anew (--force)`);
  if (underWay.count > 0) parts.push(`${grouped(underWay.count)} changed while being made`);
  if (undecided > 0) parts.push(`${grouped(undecided)} unknown (decide with retry)`);
  if (gone > 0) parts.push(`${grouped(gone)} gone (kept)`);
  return parts.join(', ');
}

/** What a run leaves as it is although the input says otherwise, once it has ended. */
export function leftAsTheyAre({ gone, undecided }: Comparison): string[] {
  const sentences: string[] = [];
  if (gone > 0) {
    sentences.push(
      `${counted(gone, 'brief')} of this batch ${gone === 1 ? 'is' : 'are'} not in the input (any more): lines and pictures stay.`,
    );
  }
  if (undecided > 0) {
    sentences.push(
      `${counted(undecided, 'changed brief')} ${undecided === 1 ? 'was' : 'were'} left as ${undecided === 1 ? 'it is' : 'they are'}: nobody knows whether the last attempt was paid. Decide with retry, or with --force.`,
    );
  }
  return sentences;
}
