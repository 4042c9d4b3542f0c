import pc from 'picocolors';
import { defaultInFlight } from '../shared/in-flight.js';
import type { AccountView } from '../shared/ledger/account-view.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { formatDuration } from '../shared/quantities.js';
import { shellWord } from '../shared/quote-name.js';
import type { Limiting } from '../shared/time-left.js';
import { wordsThatGoOn } from './kept-command.js';

/** Shorter rests come and go with the pace itself. */
const shownFromMs = 3_000;

/** Why no request is sent, and for how long. */
function restText({ ms, by }: NonNullable<AccountView['rest']>): string {
  return by === 'refusal'
    ? `the API's limit (429): no request for ${formatDuration(ms)}`
    : `the API's headers, which say that nothing is left: no request for ${formatDuration(ms)} (--rate N sets them aside)`;
}

export function limitingText(limiting: Limiting, account: AccountView, meta: BatchMeta): string {
  const { told, learnedRate, learnedInFlight, rest } = account;
  switch (limiting) {
    case 'nobody':
      return `nothing works on it: "rivya-batch ${wordsThatGoOn(meta).map(shellWord).join(' ')}" goes on with it`;
    case 'cap':
      return pc.yellow('--max-credits');
    case 'day_cap':
      return pc.yellow('--max-credits-per-day');
    case 'rate':
      if (rest !== null && rest.ms > shownFromMs) return pc.yellow(restText(rest));
      return `the pace (${told.rate === null ? `learned: ${learnedRate?.toFixed(1) ?? 2} requests/s` : `${told.rateOption} ${told.rate}`})`;
    case 'in_flight':
      return `tasks in flight (${told.inFlight === null ? `learned: at most ${learnedInFlight ?? defaultInFlight}` : `--in-flight ${told.inFlight}`})`;
    case 'credits':
      return pc.yellow('credits');
    case 'key':
      return pc.red('the key is refused');
    case 'api_down':
      return pc.yellow('the API does not answer');
    case 'files':
      return pc.yellow('files that cannot be fetched yet');
    case 'put_off':
      return pc.yellow('submissions that were refused or not answered, and are tried again later');
    case 'paused':
      return pc.yellow('the batch is paused');
    case 'machine':
      return 'this machine';
    case 'api':
      return 'the time that tasks take';
    default:
      return limiting satisfies never;
  }
}
