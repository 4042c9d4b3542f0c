import type { Totals } from '../../results/totals.js';
import type { ReviewData } from '../review-brief.js';
import type { PageDecision } from './desk.js';
import { type NotTaken, type ReviewSource, relativeAddress } from './source.js';

/** What a server answers to decisions. */
interface Answer {
  left_out?: { brief_id: string; reason: string }[];
}

/** The page as it is served: every decision is kept at once, and those of others are heard of. */
export function servedSource(): ReviewSource {
  return {
    kind: 'served',
    load: (page, params) => {
      const asked = new URLSearchParams(params);
      if (page > 1) asked.set('page', String(page));
      return getJson(`./data?${asked}`) as Promise<ReviewData>;
    },
    totals: () => getJson('./totals') as Promise<Totals>,
    keep,
    listen: (heard) => {
      // It connects again by itself.
      new EventSource('./events').addEventListener('message', ({ data }) => {
        const { decisions } = JSON.parse(String(data)) as { decisions?: PageDecision[] };
        if (decisions !== undefined) heard(decisions);
      });
    },
    fileAddress: relativeAddress,
    thumbnailAddress: (sha256) => `./thumbnails/${sha256}.webp`,
    folder: ({ folder }) => folder,
    unsaved: null,
    pageAddress: (page) => `#page=${page}`,
  };
}

async function getJson(address: string): Promise<unknown> {
  const answer = await fetch(address, { headers: { accept: 'application/json' } });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.json();
}

async function keep(decisions: readonly PageDecision[]): Promise<NotTaken[]> {
  const all = (reason: string) => decisions.map((decision) => ({ decision, reason }));
  // The server says when.
  const sent = decisions.map(({ at: _at, ...others }) => others);
  let answer: Response;
  try {
    answer = await fetch('./decisions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ decisions: sent }),
    });
  } catch {
    return all('the server does not answer');
  }
  if (!answer.ok) return all(`the server answered ${answer.status}`);
  const { left_out: leftOut = [] } = (await answer.json()) as Answer;
  const reasons = new Map(leftOut.map(({ brief_id: id, reason }) => [id, reason]));
  return decisions.flatMap((decision) => {
    const reason = reasons.get(decision.brief_id);
    return reason === undefined ? [] : [{ decision, reason }];
  });
}
