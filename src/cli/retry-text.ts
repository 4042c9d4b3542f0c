import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { counted, formatCredits } from '../shared/quantities.js';
import type { Draft, ReopenGroup } from '../worker/reopen-lines.js';

export interface ReopenCounts {
  total: number;
  rereads: number;
  newAttempts: number;
  /** Of the new attempts: those whose last attempt may have been paid as well. */
  perhapsAgain: number;
  credits: number;
}

export function countReopened({ groups }: Draft): ReopenCounts {
  const sum = (wanted: (group: ReopenGroup) => boolean) =>
    groups.filter(wanted).reduce((count, group) => count + group.count, 0);
  return {
    total: sum(() => true),
    rereads: sum((group) => group.way === 'reread'),
    newAttempts: sum((group) => group.way !== 'reread'),
    perhapsAgain: sum((group) => group.way === 'perhaps_again'),
    credits: groups.reduce((credits, group) => credits + group.credits, 0),
  };
}

/** What a retry would do and cost, before anybody is asked. */
export function retryText(draft: Draft, batch: string): string {
  const { credits, perhapsAgain } = countReopened(draft);
  const lines = [`Retry of batch ${batch}:`, ...draft.groups.map(groupText)];
  lines.push(`Expected cost: about ${formatCredits(credits)}.`);
  if (perhapsAgain > 0) {
    lines.push(
      `Perhaps paid already: ${perhapsAgain}. Nobody knows what became of their last attempt, and a new one is paid again.`,
    );
  }
  return [...lines, ...skippedText(draft)].join('\n');
}

function groupText({ status, way, count, credits, guessed }: ReopenGroup): string {
  if (way === 'reread') {
    return `  ${count} ${status}: looked at again, because a task is known; pays for nothing`;
  }
  const anew = status === 'succeeded' ? 'made anew and paid again' : 'new attempts';
  const priced = guessed === 0 ? 'as charged before' : 'a guess: their price was not seen yet';
  return `  ${count} ${status}: ${anew}, about ${formatCredits(credits)} (${priced})`;
}

export function afterRetryText(
  draft: Draft,
  { name, paused, pending }: BatchMeta,
  codes: readonly string[],
): string {
  const { total, rereads, newAttempts } = countReopened(draft);
  if (total === 0) {
    const others = codes.length === 0 ? [] : [`Error codes of this batch: ${codes.join(', ')}.`];
    const open =
      pending === 0
        ? []
        : [`${counted(pending, 'brief')} of it ${pending === 1 ? 'has' : 'have'} no result yet.`];
    return ['There is nothing to retry.', ...open, ...others, ...skippedText(draft)].join('\n');
  }
  const lines = [
    `Batch ${name}: open again for a new attempt: ${newAttempts}; to look at their task again: ${rereads}. Their earlier lines are in history.jsonl.`,
    ...skippedText(draft),
  ];
  if (paused) lines.push(`The batch is paused: rivya-batch resume ${name}`);
  return lines.join('\n');
}

function skippedText({ withoutContent }: Draft): string[] {
  if (withoutContent === 0) return [];
  return [`Left out: ${withoutContent}. What is to be sent for them is not kept any more.`];
}
