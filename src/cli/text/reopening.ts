import { countReopened, type ReopenGroup, type Survey } from '../../batch/reopen.js';
import { type BatchMeta, isPaused } from '../../ledger/batch-meta.js';
import { fileNames } from '../../results/file-names.js';
import { formatCredits } from '../../shared/quantities.js';

/** What opening briefs again would do and cost, before anybody is asked. */
export function priceText(head: string, survey: Survey): string {
  const { credits, perhapsAgain } = countReopened(survey);
  const lines = [`${head}:`, ...survey.groups.map(groupText)];
  lines.push(`Expected cost: about ${formatCredits(credits)}.`);
  if (perhapsAgain > 0) {
    lines.push(
      `Perhaps paid already: ${perhapsAgain}. Nobody knows what became of their last attempt, and a new one is paid again.`,
    );
  }
  return lines.join('\n');
}

function groupText(group: ReopenGroup): string {
  const { status, way, count, credits, guessed, reworded, following } = group;
  if (way === 'reread') {
    return `  ${count} ${status}: looked at again, because a task is known; pays for nothing`;
  }
  const anew = status === 'succeeded' ? 'made anew and paid again' : 'new attempts';
  const priced = guessed === 0 ? 'as charged before' : 'a guess: their price was not seen yet';
  const notes = [
    ...(reworded > 0 ? [`${reworded} with a changed prompt`] : []),
    ...(following > 0
      ? [`${following} because of what ${following === 1 ? 'it comes' : 'they come'} after`]
      : []),
  ].map((note) => `; ${note}`);
  return `  ${count} ${status}: ${anew}, about ${formatCredits(credits)} (${priced})${notes.join('')}`;
}

/** What was opened, and what stayed. */
export function openedLines(survey: Survey, opened: number, meta: BatchMeta): string[] {
  const { name } = meta;
  const { total, rereads, newAttempts } = countReopened(survey);
  const lines = [
    `Batch ${name}: open again for a new attempt: ${newAttempts}; to look at their task again: ${rereads}. Their earlier lines are in ${fileNames.history}.`,
  ];
  if (opened < total)
    lines.push(`Of these, ${total - opened} had changed meanwhile and stay as they are.`);
  if (isPaused(meta)) lines.push(`The batch is paused: rivya-batch resume ${name}`);
  return lines;
}
