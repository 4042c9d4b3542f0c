import { expect, it } from 'vitest';
import { preparedBrief } from '../../support/ledger.js';
import { openBench } from './stage-bench.js';

const base = { row: 2, source: 'a.csv', references: [], metadata: null, input: {} };

it('reads a result that Redis does not have from the folder, and waits a moment where its line is not there yet', async () => {
  const { ledger, work } = await openBench();
  const first = preparedBrief('a', { origin: JSON.stringify({ ...base, output: 'a' }) });
  const after = [{ output: 'a', id: 'a', fingerprint: 'ab' }];
  const step = preparedBrief('b', {
    origin: JSON.stringify({ ...base, output: 'b', after }),
    body: '{"draft":{"endpoint":"generations","model":"z-image","prompt":[],"params":{},"texts":{},"references":[]}}',
    waits: true,
  });
  await ledger.briefs.admit([first], 0);
  const from = await ledger.briefs.find('a');
  if (typeof from === 'string') throw new Error(`a is ${from}`);
  // Nothing comes after it as yet, so that its result is not kept.
  const end = { status: 'succeeded', charged: 0, checks: 0, downloads: 0, nowMs: 0 } as const;
  await ledger.briefs.finish('a', { from, line: '{}', ...end });
  await ledger.briefs.admit([step], 0);

  const job = { briefId: 'b', attempt: 1 };
  expect(await work('submit', job)).toEqual({ kind: 'later', afterMs: 1_000 });

  const restoreResults = () => ledger.results.restore(new Map([['a', { attempt: 1, text: 'x' }]]));
  expect(await work('submit', job, { restoreResults })).toEqual({ kind: 'done' });
  expect(await ledger.briefs.read('b')).toMatchObject({
    state: { stage: 'lined', status: 'failed' },
  });
});
