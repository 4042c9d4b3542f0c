import type { Totals } from '../../results/totals.js';
import { counted, formatCredits, formatDuration, grouped } from '../../shared/quantities.js';

/** What a batch has made and paid, and where its time went, in a few sentences. */
export function totalsSentences(totals: Totals): string[] {
  return [...moneySentences(totals), ...timeSentences(totals), ...openSentences(totals)];
}

function moneySentences({ money, briefs }: Totals): string[] {
  const others = briefs.failed + briefs.unknown + briefs.cancelled;
  if (others + briefs.succeeded === 0) return ['No brief has been made yet.'];
  const { chargedThoughFailed: charged, failed, inDoubt } = money;
  const sentences = [
    `${formatCredits(money.spent)} for ${counted(briefs.succeeded, 'brief')} that succeeded.`,
  ];
  if (others > 0) {
    const paid =
      charged === 0
        ? 'none of them was charged'
        : `${grouped(charged)} of them ${charged === 1 ? 'was' : 'were'} charged, ${formatCredits(failed)} together`;
    sentences.push(`${counted(others, 'brief')} did not succeed; ${paid}.`);
  }
  if (money.earlier > 0) {
    sentences.push(
      `Earlier attempts, which later ones have replaced, cost ${formatCredits(money.earlier)} of it.`,
    );
  }
  if (inDoubt.attempts > 0) {
    sentences.push(
      `Of ${counted(inDoubt.attempts, 'attempt')} nobody knows what was charged: up to ${formatCredits(inDoubt.reserved)} more, as far as they were reserved.`,
    );
  }
  return sentences;
}

function timeSentences(totals: Totals): string[] {
  if (totals.time === null) return [];
  const parts = timeParts(totals.time);
  const ms = wholeMs(parts);
  if (ms === 0) return [];
  const waiting = parts.filter(({ isWaiting }) => isWaiting);
  const waitingMs = wholeMs(waiting);
  // Of a long batch nearly all time is waited: what comes after it is of more interest.
  const isMostlyWaiting = waitingMs >= ms / 2;
  const average = `An average brief took ${formatDuration(ms)}`;
  const part =
    waitingMs > 0.99 * ms
      ? 'nearly all of that'
      : `${formatDuration(waitingMs)} of that (${percent(waitingMs / ms)})`;
  const sentence = isMostlyWaiting
    ? `${average}: ${part} ${clauseOf(waiting)}.`
    : `${average}: ${longestTwo(parts, 'that')}.`;
  const rest = parts.filter((part) => !waiting.includes(part));
  const afterwards =
    isMostlyWaiting && rest.length > 0
      ? [`Of the ${formatDuration(ms - waitingMs)} from then on, ${longestTwo(rest, null)}.`]
      : [];
  const limit = limitSentence(totals);
  return [sentence, ...afterwards, ...(limit === null ? [] : [limit])];
}

function clauseOf(waiting: readonly TimePart[]): string {
  return [...waiting].sort((left, right) => right.ms - left.ms)[0]?.clause ?? '';
}

/** `for 70 % of that the API was at work, and for 12 % it waited to be sent` */
function longestTwo(parts: readonly TimePart[], whole: string | null): string {
  const ms = wholeMs(parts);
  return [...parts]
    .sort((left, right) => right.ms - left.ms)
    .slice(0, 2)
    .filter((part) => part.ms >= 0.05 * ms)
    .map((part, index) => {
      const of = index === 0 && whole !== null ? ` of ${whole}` : '';
      return `for ${percent(part.ms / ms)}${of} ${part.clause}`;
    })
    .join(', and ');
}

/** What could be done about what limited the run; null where there is nothing to add. */
function limitSentence({ limit, occupancy, run }: Totals): string | null {
  switch (limit) {
    case 'rate':
      return `The API's limit of requests set the pace: ${counted(run?.refusals?.rate ?? 0, 'request')} came too soon for it.`;
    case 'places':
      return `Places in flight set the pace: at most ${counted(occupancy.most, 'task')} ran at once, and for ${percent(occupancy.nearMostShare)} of the time about as many.`;
    case 'files':
      return 'Fetching the files took longest: this machine and its line set the pace.';
    case 'steps':
    case 'api':
    case null:
      return null;
    default:
      return limit satisfies never;
  }
}

function openSentences({ run, takenOver, unreadable }: Totals): string[] {
  const sentences: string[] = [];
  if (run === null)
    sentences.push('The run has not come to an end yet: this is what there is so far.');
  else if (run.pending > 0) {
    const verb = run.pending === 1 ? 'was' : 'were';
    sentences.push(
      `When the last run ended, ${counted(run.pending, 'brief')} ${verb} still to be made.`,
    );
  }
  if (takenOver > 0) {
    sentences.push(`${counted(takenOver, 'line')} taken over from an earlier batch count there.`);
  }
  if (unreadable > 0) sentences.push(`${counted(unreadable, 'line')} could not be read.`);
  return sentences;
}

export interface TimePart {
  name: string;
  /** Of the sentence "for so much of the time ...". */
  clause: string;
  /** Class of its colour. */
  colour: string;
  /** Before it was sent. */
  isWaiting?: true;
  ms: number;
  /** Of the whole, 0 to 1. */
  share: number;
}

/** Where an average brief's time went, in the order in which it goes by; what no brief has is left out. */
export function timeParts(time: NonNullable<Totals['time']>): TimePart[] {
  const { unsentMs, stepsMs, makingMs, unnoticedMs, fetchingMs } = time;
  const making =
    unnoticedMs === null ? 'made by the API, until that was noticed' : 'made by the API';
  const parts: Omit<TimePart, 'share'>[] = [
    {
      name: 'waiting to be sent',
      clause: 'it waited to be sent',
      colour: 'tone-1',
      isWaiting: true,
      ms: unsentMs,
    },
    {
      name: 'waiting for an earlier step',
      clause: 'it waited for an earlier step',
      colour: 'tone-2',
      isWaiting: true,
      ms: stepsMs,
    },
    { name: making, clause: 'the API was at work', colour: 'tone-3', ms: makingMs },
    {
      name: 'made, and not noticed yet',
      clause: 'it was made and not noticed yet',
      colour: 'tone-4',
      ms: unnoticedMs ?? 0,
    },
    { name: 'fetched', clause: 'its files were fetched', colour: 'tone-5', ms: fetchingMs },
  ];
  const whole = wholeMs(parts);
  return parts.filter(({ ms }) => ms > 0).map((part) => ({ ...part, share: part.ms / whole }));
}

function wholeMs(parts: readonly { ms: number }[]): number {
  return parts.reduce((sum, { ms }) => sum + ms, 0);
}

export function percent(share: number): string {
  const hundredths = share * 100;
  if (hundredths > 0 && hundredths < 1) return 'less than 1 %';
  if (hundredths > 99 && hundredths < 100) return 'more than 99 %';
  return `${Math.round(hundredths)} %`;
}

/** How wide a bucket of time is: `10 s`, `15 min`, `3 h`, `7 d`. */
export function widthText(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${seconds / 60} min`;
  return seconds < 86_400 ? `${seconds / 3_600} h` : `${seconds / 86_400} d`;
}

export function perText(seconds: number): string {
  const units: Readonly<Record<number, string>> = {
    1: 'second',
    60: 'minute',
    3600: 'hour',
    86400: 'day',
  };
  return `per ${units[seconds] ?? widthText(seconds)}`;
}

/** A time that is shown as it was measured: `0.4 s`, `12 s`, `3 min`. */
export function measuredText(ms: number): string {
  if (ms < 100) return `${Math.round(ms)} ms`;
  return ms < 9_950 ? `${(ms / 1000).toFixed(1)} s` : formatDuration(ms);
}
