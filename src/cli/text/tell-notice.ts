import { outOfCredits } from '../../shared/out-of-credits.js';
import { counted, formatDuration } from '../../shared/quantities.js';
import { type Notice, NoticeNews } from '../../worker/notices.js';
import type { Terminal } from './terminal.js';

/** Turns notices into sentences for the person at the terminal. */
export function noticeTeller(
  terminal: Terminal,
  origin: string,
  now: () => number,
): (notice: Notice) => void {
  const news = new NoticeNews(now);
  return (notice) => {
    const sentence = sentenceFor(notice, origin);
    if (sentence !== null && news.take(notice) === 'news') terminal.warn(sentence);
  };
}

function sentenceFor(notice: Notice, origin: string): string | null {
  switch (notice.kind) {
    case 'lined':
      return null;
    case 'parked':
      return `The account is ${outOfCredits(origin)}. Submissions wait and go on by themselves once there are credits; the next look is in ${formatDuration(notice.probeInMs)}.`;
    case 'credits_back':
      return 'There are credits again: going on.';
    case 'capped':
      return notice.reason === 'cap'
        ? 'The next brief would go over --max-credits: nothing more is submitted; what is accepted is finished.'
        : "The next brief would go over today's --max-credits-per-day: nothing more is submitted; what is accepted is finished.";
    case 'paused':
      return 'This batch is paused: nothing is submitted until "rivya-batch resume".';
    case 'halted':
      return `The API refuses the key (${notice.code}): ${notice.message}`;
    case 'throttled':
      return `The API asks for a slower pace (429): no request for ${formatDuration(notice.waitMs)}, then slower.`;
    case 'used_up':
      return `The API's rate-limit headers say that nothing is left: no request for ${formatDuration(notice.waitMs)}, then one finds out; with --rate N they are not looked at.`;
    case 'api_down':
      return `The API cannot be used (${withoutStop(notice.reason)}); next try in ${formatDuration(notice.waitMs)}.`;
    case 'files_due':
      return `${filesDueText(notice)}. Such results are asked for again until an hour after their tasks ended; what is paid stays known.`;
    case 'approval_awaited':
      return `${counted(notice.count, 'result')} ${notice.count === 1 ? 'waits' : 'wait'} for approval, and nothing else is left to do before that.`;
    case 'set_aside':
      return `Not every file of ${notice.briefId} is a result: ${withoutStop(notice.reason)}. The others are; what is none is kept in aside/.`;
    case 'pictures_not_judged':
      return 'Pictures are not looked at: sharp, which decodes them, cannot be loaded on this machine. They are taken as they come, whatever their size, and have no thumbnails.';
    case 'outcome_unknown':
      return `No clear answer to a submission (${withoutStop(notice.reason)}); it is sent again under the same key, so it cannot be paid twice.`;
    case 'refused_unexplained':
      return `A brief was refused without a reason (${withoutStop(notice.reason)}), as firewalls do for a word in the prompt; it is tried again a few times, and the others go on.`;
    case 'output_trouble':
      return `Results cannot be written: ${notice.reason}`;
    case 'folder_away':
      return `The folder ${notice.out} was moved or removed, or another one is in its place: nothing is submitted or downloaded. Put it back, and this goes on by itself; or stop (Ctrl+C) and give the same command with --out and the place where it is now, or, where it is lost, with an empty one.`;
    case 'kept_elsewhere':
      return `The results are written by ${notice.machine} for the moment: this waits until that has ended.`;
    case 'folder_back':
      return `The folder ${notice.out} is back: going on.`;
    case 'state_lost':
      // The command ends with it.
      return null;
    default:
      return notice satisfies never;
  }
}

/** How many files are waited for, and why; begins a sentence. */
export function filesDueText({ count, reason }: { count: number; reason: string | null }): string {
  const why = reason === null ? '' : ` (${withoutStop(reason)})`;
  return `${counted(count, 'result')} cannot be fetched yet${why}`;
}

/** A sentence that stands in brackets inside another one. */
function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
