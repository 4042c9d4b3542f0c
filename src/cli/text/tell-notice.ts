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
      return `The account is ${outOfCredits(origin)}. Submissions wait, and continue by themselves when there are credits; the next check is in ${formatDuration(notice.probeInMs)}.`;
    case 'credits_back':
      return 'There are credits again: submissions continue.';
    case 'capped':
      return notice.reason === 'cap'
        ? 'The next brief would go over --max-credits: nothing more is submitted; tasks that are under way are finished.'
        : "The next brief would go over today's --max-credits-per-day: nothing more is submitted; tasks that are under way are finished.";
    case 'paused':
      return 'This batch is paused: no more briefs are submitted until "rivya-batch resume BATCH".';
    case 'halted':
      return `The API refuses the key (${notice.code}): ${notice.message}`;
    case 'throttled':
      return `The API asks for a slower pace (429): no request for ${formatDuration(notice.waitMs)}, then slower.`;
    case 'used_up':
      return `The API's rate-limit headers say that no request is left: none is sent for ${formatDuration(notice.waitMs)}, then one is tried. With --rate N these headers are ignored.`;
    case 'api_down':
      return `The API cannot be used (${withoutStop(notice.reason)}); the next try is in ${formatDuration(notice.waitMs)}.`;
    case 'files_due':
      return `${filesDueText(notice)}. Such results are fetched again until an hour after their tasks ended; later, the same run command fetches them, and nothing is paid twice.`;
    case 'approval_awaited':
      return `${counted(notice.count, 'result')} ${notice.count === 1 ? 'waits' : 'wait'} for approval, and nothing else is left to do before that. To decide: "rivya-batch review DIR"`;
    case 'set_aside':
      return `Not every file of ${notice.briefId} is a result: ${withoutStop(notice.reason)}. That file is kept in aside/; the others are results.`;
    case 'pictures_not_judged':
      return 'Pictures cannot be decoded on this machine, so their size and content are not checked, and they have no thumbnails. To have that, install rivya-batch again on this machine (npm install).';
    case 'outcome_unknown':
      return `No clear answer to a submission (${withoutStop(notice.reason)}); it is sent again under the same key, so it cannot be paid twice.`;
    case 'refused_unexplained':
      return `A brief was refused without a reason (${withoutStop(notice.reason)}), as firewalls do for a word in the prompt. It is tried again a few times; the others continue.`;
    case 'output_trouble':
      return `Results cannot be written: ${notice.reason}`;
    case 'folder_away':
      return `The folder ${notice.out} was moved or removed, or another one is in its place: nothing is submitted or downloaded. Put it back, and the batch continues by itself; or stop (Ctrl+C) and give the same command with --out and the folder's new path, or, if it is lost, with a new folder.`;
    case 'kept_elsewhere':
      return `The results are being written by ${notice.machine}: this waits until that has ended.`;
    case 'folder_back':
      return `The folder ${notice.out} is back: the batch continues.`;
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
