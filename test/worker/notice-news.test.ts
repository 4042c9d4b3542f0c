import { expect, it } from 'vitest';
import type { Notice } from '../../src/worker/notices.js';
import { NoticeNews } from '../../src/worker/notices.js';

const capped: Notice = { kind: 'capped', reason: 'cap' };
const parked: Notice = { kind: 'parked', probeInMs: 1 };

it('tells the same trouble once a minute, and each trouble by itself', () => {
  let nowMs = 0;
  const news = new NoticeNews(() => nowMs);
  expect([news.take(capped), news.take(capped), news.take(parked)]).toEqual([
    'news',
    'told',
    'news',
  ]);
  nowMs = 59_999;
  expect(news.take(capped)).toBe('told');
  nowMs = 60_000;
  expect(news.take(capped)).toBe('news');
});

it('tells what is waited for an hour no more than a few times', () => {
  let nowMs = 0;
  const news = new NoticeNews(() => nowMs);
  const due: Notice = { kind: 'files_due', count: 2, reason: 'HTTP 503.' };
  let told = 0;
  for (; nowMs < 3_600_000; nowMs += 5_000) if (news.take(due) === 'news') told += 1;
  expect(told).toBe(3);
});

it('tells trouble that comes back after it was over', () => {
  const news = new NoticeNews(() => 0);
  const kinds = [parked, { kind: 'credits_back' } as const, parked];
  expect(kinds.map((notice) => news.take(notice))).toEqual(['news', 'news', 'news']);
});
