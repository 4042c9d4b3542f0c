import { countReopened, type Survey } from '../../batch/reopen.js';
import { priceLines } from '../../batch/retry.js';
import { type BatchMeta, isPaused } from '../../ledger/batch-meta.js';
import { fileNames } from '../../results/file-names.js';

/** What opening briefs again would do and cost, before anybody is asked. */
export function priceText(head: string, survey: Survey): string {
  return [`${head}:`, ...priceLines(survey)].join('\n');
}

/** What was opened, and what stayed. */
export function openedLines(survey: Survey, opened: number, meta: BatchMeta): string[] {
  const { name } = meta;
  const { total, rereads, newAttempts } = countReopened(survey);
  const lines = [
    `Batch ${name}: new attempts: ${newAttempts}; tasks to check again: ${rereads}. The earlier lines are in ${fileNames.history}.`,
  ];
  if (opened < total)
    lines.push(`Of these, ${total - opened} have changed meanwhile, and stay as they are.`);
  if (isPaused(meta)) lines.push(`The batch is paused. To resume it: rivya-batch resume ${name}`);
  return lines;
}
