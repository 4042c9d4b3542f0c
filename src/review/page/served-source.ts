import type { Totals } from '../../results/totals.js';
import type { ReviewData } from '../review-brief.js';
import type { PageDecision } from './desk.js';
import { type NotTaken, type ReviewSource, relativeAddress } from './source.js';

/** What a server tells of. */
interface News {
  decisions?: PageDecision[];
  lines?: number;
  rewritten?: boolean;
}

/** What a server answers to decisions. */
interface Answer {
  left_out?: { brief_id: string | null; reason: string }[];
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
    listen: ({ mark = '' }, heard) => {
      // It connects again by itself, and goes on where it was.
      const events = new EventSource(`./events?${new URLSearchParams({ since: mark })}`);
      events.addEventListener('message', ({ data }) => {
        const { decisions, lines, rewritten = false } = JSON.parse(String(data)) as News;
        if (decisions !== undefined) heard.decisions(decisions);
        if (lines !== undefined) heard.lines(lines, rewritten);
      });
      return () => events.close();
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
  if (!answer.ok) throw new Error(await faultOf(answer));
  return answer.json();
}

/** In a sentence: the server's own where it has one. */
async function faultOf(answer: Response): Promise<string> {
  try {
    const { error } = (await answer.json()) as { error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Something else has answered.
  }
  return answer.status === 401
    ? 'The login has ended: open the address that the command printed again.'
    : `The server answered ${answer.status}.`;
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
    return all('The server does not answer.');
  }
  if (!answer.ok) return all(await faultOf(answer));
  const { left_out: leftOut = [] } = (await answer.json()) as Answer;
  const reasons = new Map(leftOut.map(({ brief_id: id, reason }) => [id, reason]));
  return decisions.flatMap((decision) => {
    const reason = reasons.get(decision.brief_id);
    return reason === undefined ? [] : [{ decision, reason }];
  });
}
