import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
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

  const facts = { categoryOf: () => 'image' as const, priceOf: () => ({ guess: 1, least: 1 }) };
  const context = { redis, prefix, origin: identity.origin, account, clock: systemClock, ...facts };
  expect(await leaveFolder(context, ledger, out)).toBe('left');
  const [, ...entries] = (await readFile(journalPath(out), 'utf8')).trim().split('\n');
  expect(entries.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ brief: 'sent', attempt: 1, content: fixed }),
  ]);
});
