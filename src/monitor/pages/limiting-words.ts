import { mostInFlight } from '../../shared/in-flight.js';
import type { AccountView } from '../../shared/ledger/account-view.js';
import type { WatchedBatch } from '../reading/watch.js';

export interface LimitingWords {
  text: string;
  /** `trouble` wants a person; `normal` is how it should be. */
  tone: 'trouble' | 'normal';
}

/** What keeps an open batch from going faster, for people who are not at its terminal; null where nothing is left. */
export function limitingWords({ meta, account, look }: WatchedBatch): LimitingWords | null {
  if (meta.pending === 0) return null;
  const { view } = account;
  switch (look.limiting) {
    case 'nobody':
      return trouble('nothing works on it: no live worker');
    case 'cap':
      return trouble('its --max-credits');
    case 'day_cap':
      return trouble('its --max-credits-per-day');
    case 'key':
      return trouble('the API refuses the key');
    case 'credits':
      return trouble('the account is out of credits');
    case 'api_down':
      return trouble('the API does not answer');
    case 'files':
      return trouble('files that cannot be fetched yet');
    case 'put_off':
      return trouble('submissions that were refused or not answered, and are tried again later');
    case 'paused':
      return trouble('it is paused');
    case 'rate':
      return normal(`the pace: ${paceWords(view)}`);
    case 'in_flight':
      return normal(`running tasks: ${placesWords(view)}`);
    case 'machine':
      return normal('the machines that work on it');
    case 'api':
      return normal('the time that tasks take');
    default:
      return look.limiting satisfies never;
  }
}

export function paceWords({ told, learnedRate }: AccountView): string {
  if (told.rate !== null) return `at most ${told.rate} requests/s as told`;
  return learnedRate === null
    ? 'still to be learned'
    : `at most ${learnedRate.toFixed(1)} requests/s, learned`;
}

export function placesWords(view: AccountView): string {
  return `${view.inFlight} of at most ${mostInFlight(view)}`;
}

function trouble(text: string): LimitingWords {
  return { text, tone: 'trouble' };
}

function normal(text: string): LimitingWords {
  return { text, tone: 'normal' };
}
