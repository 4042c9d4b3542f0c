import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decideStep, dropSettled, settleSteps, takeVerdicts } from '../../src/batch/steps.js';
import { moves } from '../../src/ledger/moves.js';
import type { StepSight } from '../../src/ledger/result-ledger.js';
import type { StepInput } from '../../src/shared/brief.js';
import type { LineStatus } from '../../src/shared/manifest-line.js';
import { StageQueues } from '../../src/shared/queues.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { openLedger, preparedBrief } from '../support/ledger.js';
import { temporaryFolder } from '../worker/stages/stage-bench.js';

const base = { row: 2, source: 'spring.csv', references: [], metadata: null, input: {} };

function step(id: string, ...after: string[]) {
  return stepAfter(
    id,
    after.map((before) => ({ output: before, id: before, fingerprint: 'ab' })),
  );
}

function stepAfter(id: string, inputs: readonly StepInput[]) {
  return preparedBrief(id, {
    origin: JSON.stringify({ ...base, output: id, after: inputs }),
    body: '{"draft":{"endpoint":"generations","model":"z-image","prompt":["A "],"params":{},"texts":{},"references":[]}}',
    waits: true,
  });
}

function first(id: string) {
  return preparedBrief(id, { origin: JSON.stringify({ ...base, output: id }) });
}

async function openSteps() {
  const opened = await openLedger();
  const { redis, prefix, batch, ledger } = opened;
  const queues = new StageQueues(redis, prefix, batch);
  onTestFinished(() => queues.close());
  const admit = async (...briefs: ReturnType<typeof step>[]) =>
    (await ledger.briefs.admit(briefs, 0)).answers;
  /** As the admission does it. */
  const park = async (id: string) => {
    await queues.add('waiting', [{ brief: id, attempt: 1, delayMs: 0 }]);
    await settleSteps({ ledger, queues }, [id]);
  };
  const end = async (id: string, status: LineStatus = 'succeeded') => {
    const brief = await ledger.briefs.find(id);
    if (typeof brief === 'string') throw new Error(`${id} is ${brief}`);
    const finish = await ledger.briefs.finish(id, {
      from: brief,
      line: JSON.stringify({ brief_id: id }),
      ...{ status, charged: 0, checks: 0, downloads: 0, nowMs: 0, output: id },
      result: { attempt: 1, text: `what ${id} says` },
    });
    return finish.kind === 'finished' ? finish.followers : [];
  };
  const placesOf = async (id: string) => {
    const places: string[] = [];
    for (const name of ['waiting', 'submit'] as const) {
      const jobs = await queues.queue(name).getJobs(['waiting', 'delayed', 'active']);
      if (jobs.some((job) => job.data.brief === id)) places.push(name);
    }
    return places;
  };
  const settle = (...ids: string[]) => settleSteps({ ledger, queues }, ids);
  return { ...opened, queues, admit, park, end, placesOf, settle };
}

describe('a step', () => {
  it('waits in a queue of its own until everything that it comes after has its line', async () => {
    const { admit, park, end, placesOf, settle, stateOf, queues } = await openSteps();
    expect(await admit(first('a'), first('b'), step('c', 'a', 'b'))).toEqual([
      'admitted',
      'admitted',
      'waiting',
    ]);
    await park('c');
    expect(await placesOf('c')).toEqual(['waiting']);
    expect(await queues.countWaiting()).toBe(1);

    expect(await end('a')).toEqual(['c']);
    await settle('c');
    expect(await placesOf('c')).toEqual(['waiting']);

    expect(await end('b')).toEqual(['c']);
    await settle('c');
    expect(await placesOf('c')).toEqual(['submit']);
    expect(await stateOf('c')).toMatchObject({ stage: 'waiting', attempt: 1 });
    expect(await queues.countWaiting()).toBe(0);
  });

  it('S4: keeps its job while it waits, whoever clears away those of steps that wait no more', async () => {
    const { ledger, queues, admit, park, end, placesOf } = await openSteps();
    await admit(first('a'), first('b'), step('c', 'b'));
    await park('c');
    await end('a');
    await queues.add('waiting', [
      { brief: 'a', attempt: 1, delayMs: 0 },
      { brief: 'gone', attempt: 1, delayMs: 0 },
    ]);
    // One that is opened while this goes on.
    await queues.add('waiting', [{ brief: 'a', attempt: 2, delayMs: 0 }]);
    await dropSettled({ ledger, queues });
    expect(await placesOf('c')).toEqual(['waiting']);
    expect(await placesOf('gone')).toEqual([]);
    expect(await queues.waitingJobs(0, 10)).toEqual([
      { brief: 'c', attempt: 1 },
      { brief: 'a', attempt: 2 },
    ]);
  });

  it('goes on at once where all of that was made before it was admitted', async () => {
    const { admit, park, end, placesOf } = await openSteps();
    await admit(first('a'));
    expect(await end('a')).toEqual([]);
    await admit(step('b', 'a'));
    await park('b');
    expect(await placesOf('b')).toEqual(['submit']);
  });

  it('is found by a brief that ends between its admission and its job', async () => {
    const { admit, park, end, placesOf, settle } = await openSteps();
    await admit(first('a'), step('b', 'a'));
    // It is not registered yet, so that whoever ends the first knows nothing of it.
    expect(await end('a')).toEqual([]);
    await park('b');
    expect(await placesOf('b')).toEqual(['submit']);
    await settle('b');
    expect(await placesOf('b')).toEqual(['submit']);
  });

  it('goes on to its own end where one of them did not succeed, whatever the others do', async () => {
    const { admit, park, end, placesOf, settle } = await openSteps();
    await admit(first('a'), first('b'), step('c', 'a', 'b'));
    await park('c');
    await settle(...(await end('a', 'failed')));
    expect(await placesOf('c')).toEqual(['submit']);
  });

  it('leaves no job behind where it is further on', async () => {
    const { admit, park, placesOf, settle, ledger } = await openSteps();
    await admit(first('a'), step('b', 'a'));
    await park('b');
    const read = await ledger.briefs.read('b');
    if (read?.state.stage !== 'waiting') throw new Error('it does not wait');
    const from = { ...read, state: read.state };
    await ledger.briefs.move('b', { from, to: moves.fixed(read.state), content: '{}\n{}' });
    await settle('b');
    expect(await placesOf('b')).toEqual([]);
    expect(await ledger.briefs.readContent('b')).toBe('{}\n{}');
  });

  it('goes on by what was decided about a result that only the manifest has any more', async () => {
    const { admit, end, redis, ledger, queues, placesOf } = await openSteps();
    const still = { output: 'a', id: 'a', fingerprint: 'ab', approve: true as const };
    await admit(first('a'), stepAfter('b', [still]));
    await end('a');
    await redis.del(ledger.keys.results);
    const out = await temporaryFolder();
    const line = manifestLine({ brief_id: 'a', output: 'a' });
    await writeFile(join(out, 'manifest.jsonl'), `${JSON.stringify(line)}\n`);
    const [{ sha256 } = { sha256: '' }] = line.assets;
    const said = { brief_id: 'a', attempt: 1, sha256, decision: 'approved' };
    await writeFile(
      join(out, 'decisions.jsonl'),
      `${JSON.stringify({ ...said, at: '2026-06-01T12:00:00Z' })}\n`,
    );
    expect(await takeVerdicts({ ledger, queues }, out)).toBe(1);
    expect(await placesOf('b')).toEqual(['submit']);
  });

  it('waits again where the ledger lost who comes after whom', async () => {
    const { admit, park, end, settle, redis, ledger } = await openSteps();
    await admit(first('a'), step('b', 'a'));
    await park('b');
    await redis.del(ledger.keys.followers);
    await settle('b');
    expect(await end('a')).toEqual(['b']);
  });
});

describe('what becomes of a step', () => {
  const lined = (status: LineStatus, patch: Partial<StepSight> = {}): StepSight => ({
    state: { stage: 'lined', attempt: 1, fingerprint: 'ab', seq: 1, status },
    result: { attempt: 1, text: 'said' },
    verdict: null,
    ...patch,
  });
  const open: StepSight = {
    state: { stage: 'waiting', attempt: 1, fingerprint: 'ab', seq: 1, admittedAt: 0 },
    result: null,
    verdict: null,
  };
  const inputs = (approve: boolean) => [
    { output: 'a', id: 'row/a', fingerprint: 'ab', ...(approve && { approve: true as const }) },
    { output: 'b', id: 'row/b', fingerprint: 'ab' },
  ];

  it.each([
    ['both have succeeded', false, [lined('succeeded'), lined('succeeded')], 'go'],
    ['one is not made yet', false, [lined('succeeded'), open], 'wait'],
    ['one failed', false, [open, lined('failed')], 'step_before_failed'],
    ['one is unknown', false, [lined('unknown'), open], 'step_before_failed'],
    ['one was cancelled', false, [lined('cancelled'), open], 'step_before_failed'],
    [
      'nobody was asked',
      false,
      [lined('succeeded', { verdict: 'rejected' }), lined('succeeded')],
      'go',
    ],
    ['a person is asked', true, [lined('succeeded'), lined('succeeded')], 'wait'],
    [
      'a person said yes',
      true,
      [lined('succeeded', { verdict: 'approved' }), lined('succeeded')],
      'go',
    ],
    ['a person said no', true, [lined('succeeded', { verdict: 'rejected' }), open], 'not_approved'],
    [
      'a person wants another',
      true,
      [lined('succeeded', { verdict: 'again' }), lined('succeeded')],
      'wait',
    ],
    [
      'a result is to be read',
      false,
      [lined('succeeded', { result: null }), lined('succeeded')],
      'unread',
    ],
  ] as const)('%s', (_what, approve, sights, expected) => {
    const decision = decideStep(inputs(approve), sights);
    expect(decision.kind === 'end' ? decision.error.code : decision.kind).toBe(expected);
  });

  it('is made with what each output has made', () => {
    const decision = decideStep(inputs(false), [lined('succeeded'), lined('succeeded')]);
    if (decision.kind !== 'go') throw new Error(decision.kind);
    expect([...decision.results.keys()]).toEqual(['a', 'b']);
  });
});
