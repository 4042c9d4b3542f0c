import { relative } from 'node:path';
import { counted, creditsNumber, formatCredits, formatDuration } from '../shared/quantities.js';
import { sumText } from './forecast.js';
import { hangingLines } from './hanging-lines.js';
import { timeText } from './print-plan.js';
import type { TrialResult } from './trial.js';

/** What a person is told of a trial, and how to go on from it. */
export function trialLines(
  result: TrialResult,
  { goOn, width }: { goOn: string; width: number },
): string[] {
  const { briefs, succeeded, others, credits, taskMs, left, sheet } = result;
  const done = succeeded + others;
  const each = done > 0 ? `, ${creditsNumber(credits / done)} each` : '';
  const took = taskMs === null ? '' : ` A task took ${formatDuration(taskMs)}.`;
  const lines = [
    `Trial of ${counted(briefs, 'brief')}: ${succeeded} of ${done} succeeded, for ${formatCredits(credits)}${each}.${took}`,
    `Look at them: ${relative(process.cwd(), sheet)}`,
  ];
  if (left.forecast.briefs === 0) return [...lines, 'There is nothing left to make.'];
  const { forecast, time } = left;
  const rest = `${counted(forecast.briefs, 'brief')} for ${sumText(forecast)}; ${timeText(time)}.${failureText(result)}`;
  lines.push(
    ...hangingLines('The rest, by that: ', rest, width),
    'To go on (what the trial made is not made again):',
    `  ${goOn}`,
  );
  return lines;
}

function failureText({ others, succeeded, left }: TrialResult): string {
  if (others === 0) return '';
  const share = others / (others + succeeded);
  const percent = Math.round(share * 100);
  const briefs = Math.round(share * left.forecast.briefs);
  return ` If ${percent} % fail as in the trial, that is ${counted(briefs, 'brief')}.`;
}
