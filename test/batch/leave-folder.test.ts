import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { finishBrief } from '../../src/batch/finish-brief.js';
import { leaveFolder } from '../../src/batch/leave-folder.js';
import { moves } from '../../src/ledger/moves.js';
import { journalPath } from '../../src/results/journal.js';
import { systemClock } from '../../src/shared/clock.js';
import { identity, openLedger, preparedBrief } from '../support/ledger.js';
import { temporaryFolder } from '../worker/stages/stage-bench.js';

const origin = { row: 2, source: 'a.csv', references: [], metadata: null, input: {} };
const draft = {
  ...{ endpoint: 'generations', model: 'z-image', prompt: ['A fox'], params: {}, texts: {} },
  references: [],
};

it('S1: of steps, it notes those as sent that were, with what was sent', async () => {
  const { redis, prefix, account, ledger, begin } = await openLedger();
  const out = join(await temporaryFolder(), 'new');
  const step = (id: string) =>
    preparedBrief(id, {
      origin: JSON.stringify({ ...origin, output: 'film', after: [] }),
      body: JSON.stringify({ draft }),
      waits: true,
    });
  await ledger.keepOutputs(new Map([['film', 3]]));
  await ledger.briefs.admit(['waits', 'sent', 'ended'].map(step), 0);
  const found = async (id: string) => {
    const brief = await ledger.briefs.find(id);
    if (typeof brief === 'string' || brief.state.stage !== 'waiting') throw new Error(`no ${id}`);
    return { ...brief, state: brief.state };
  };
  const fixed = `${JSON.stringify({ ...origin, output: 'film', after: [], draft })}\n{"model":"z-image","prompt":"A fox"}`;
  const from = await found('sent');
  await ledger.briefs.move('sent', { from, to: moves.fixed(from.state), content: fixed });
  await begin('sent');
  // Its line was in the folder that is gone.
  const ended = await found('ended');
  await ledger.briefs.finish('ended', {
    ...{ from: ended, line: '{}', status: 'cancelled', charged: 0, checks: 0, downloads: 0 },
    nowMs: 0,
  });
  await redis.del(ledger.keys.outbox);
  await ledger.set({ leaving: out });

  const facts = {
    places: { home: '', s3Endpoint: null },
    categoryOf: () => 'image' as const,
    priceOf: () => ({ guess: 1, least: 1 }),
  };
  const context = { redis, prefix, origin: identity.origin, account, clock: systemClock, ...facts };
  expect(await leaveFolder(context, ledger, out)).toBe('left');
  const [, ...entries] = (await readFile(journalPath(out), 'utf8')).trim().split('\n');
  expect(entries.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ brief: 'sent', attempt: 1, content: fixed }),
  ]);
});

it('S1: of what a person has reworded, it notes the words, and what was sent, of one that has succeeded too', async () => {
  const { redis, prefix, account, ledger, begin } = await openLedger();
  const out = join(await temporaryFolder(), 'new');
  const reworded = (id: string) =>
    preparedBrief(id, {
      origin: JSON.stringify({ ...origin, inputPrompt: 'A fox' }),
      body: '{"model":"z-image","prompt":"A red fox"}',
    });
  await ledger.briefs.admit(['waits', 'sent', 'made'].map(reworded), 0);
  for (const id of ['waits', 'sent', 'made']) {
    const from = await ledger.briefs.read(id);
    if (from?.state.stage !== 'admitted') throw new Error(`no ${id}`);
    await ledger.briefs.move(id, { from, to: moves.recalled(from.state, 2) });
  }
  await begin('sent', { attempt: 2 });
  const made = await ledger.briefs.find('made');
  if (typeof made === 'string') throw new Error('it is there');
  const end = { status: 'succeeded' as const, error: null };
  await finishBrief(ledger, made, end, 0);
  // Its line was in the folder that is gone.
  await redis.del(ledger.keys.outbox);
  await ledger.set({ leaving: out });

  const facts = {
    places: { home: '', s3Endpoint: null },
    categoryOf: () => 'image' as const,
    priceOf: () => ({ guess: 1, least: 1 }),
  };
  const context = { redis, prefix, origin: identity.origin, account, clock: systemClock, ...facts };
  const content = made.content.text;
  expect(await leaveFolder(context, ledger, out)).toBe('left');
  const [, ...entries] = (await readFile(journalPath(out), 'utf8')).trim().split('\n');
  const opened = { opened: 2, words: 'A red fox', fingerprint: 'ab' };
  expect(new Set(entries.map((line) => JSON.parse(line)))).toEqual(
    new Set([
      { brief: 'waits', ...opened },
      { brief: 'sent', ...opened },
      { brief: 'made', ...opened },
      expect.objectContaining({ brief: 'sent', attempt: 2, content: expect.anything() }),
      expect.objectContaining({ brief: 'made', attempt: 2, content }),
    ]),
  );
});
