import { get as httpGet } from 'node:http';
import { onTestFinished } from 'vitest';
import type { Decision } from '../../../src/results/decisions.js';
import type { ReviewData } from '../../../src/review/review-brief.js';
import type { PostedResult } from '../../../src/review/server/review-desk.js';
import { type ReviewOptions, startReview } from '../../../src/review/server/start-review.js';
import { systemClock } from '../../../src/shared/clock.js';
import { type Answer, type Asked, ask } from '../../support/ask.js';

/** What a stream of events has told, as it comes. */
export interface Heard {
  decisions?: Decision[];
  lines?: number;
  rewritten?: true;
}

/** A reviewer who has opened the printed address. */
export interface Reviewer {
  origin: string;
  get(path: string, asked?: Asked): Promise<Answer>;
  data(query?: string): Promise<ReviewData>;
  decide(decisions: readonly unknown[]): Promise<PostedResult>;
  /** Listens; resolves once the server does so, too. */
  listen(path?: string): Promise<Listener>;
}

interface Listener {
  /** The next event that is wanted; what comes before it is passed over. */
  next(isWanted: (heard: Heard) => boolean): Promise<Heard>;
  /** Of the last event that has one. */
  lastId(): string;
  close(): void;
}

export async function openReview(out: string, patch: Partial<ReviewOptions> = {}) {
  const warnings: string[] = [];
  const review = await startReview({
    out,
    login: null,
    clock: systemClock,
    warn: (sentence) => warnings.push(sentence),
    host: '127.0.0.1',
    port: 0,
    ...patch,
  });
  onTestFinished(() => review.close());
  return { review, warnings, reviewer: () => openReviewer(review.url) };
}

/** Exchanges the token in an address for a cookie, as a browser does. */
export async function openReviewer(url: string): Promise<Reviewer> {
  const { origin, pathname, search } = new URL(url);
  const arrival = await ask(origin, pathname + search);
  const [cookie = ''] = String(arrival.headers['set-cookie']).split(';');
  return reviewerAt(origin, { cookie });
}

function reviewerAt(origin: string, login: Record<string, string>): Reviewer {
  const get = (path: string, { headers, ...asked }: Asked = {}) =>
    ask(origin, path, { ...asked, headers: { ...login, ...headers } });
  return {
    origin,
    get,
    data: async (query = '') => JSON.parse((await get(`/data${query}`)).text) as ReviewData,
    decide: async (decisions) => {
      const headers = { origin, 'content-type': 'application/json' };
      const body = JSON.stringify({ decisions });
      return JSON.parse((await get('/decisions', { method: 'POST', headers, body })).text);
    },
    listen: (path = '/events') => listen(origin, path, login),
  };
}

function listen(origin: string, path: string, headers: Record<string, string>): Promise<Listener> {
  const heard: Heard[] = [];
  let id = '';
  let wake: () => void = () => undefined;
  return new Promise((resolve, reject) => {
    const asked = httpGet(`${origin}${path}`, { headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('error', () => undefined);
      answer.on('data', (chunk: string) => {
        text += chunk;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          for (const line of text.slice(0, end).split('\n')) {
            if (line.startsWith('id: ')) id = line.slice(4);
            if (line.startsWith('data: ')) heard.push(JSON.parse(line.slice(6)) as Heard);
          }
          text = text.slice(end + 2);
        }
        wake();
        resolve({
          next: async (isWanted) => {
            for (;;) {
              const next = heard.shift();
              if (next === undefined) {
                await new Promise<void>((woken) => {
                  wake = woken;
                });
              } else if (isWanted(next)) return next;
            }
          },
          lastId: () => id,
          close: () => asked.destroy(),
        });
      });
    });
    // The end of the server ends it as well.
    asked.on('error', reject);
  });
}
