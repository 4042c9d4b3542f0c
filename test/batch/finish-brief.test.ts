import { describe, expect, it } from 'vitest';
import type { BriefEnd } from '../../src/batch/finish-brief.js';
import type { BriefState } from '../../src/ledger/brief-state.js';
import { manifestLineSchema } from '../../src/shared/manifest-line.js';
import { endBrief } from '../../src/worker/stages/step.js';
import { accepted, ready, submitting } from '../ledger/brief-states.js';
import { preparedBrief } from '../support/ledger.js';
import { openBench } from '../worker/stages/stage-bench.js';

const failed: BriefEnd = {
  status: 'failed',
  error: { code: 'generation_failed', message: 'No.', request_id: 'req_1' },
  assets: [],
  urls: [],
};

async function benchAt(state: BriefState, patch = {}) {
  const bench = await openBench();
  await bench.ledger.briefs.admit([preparedBrief('a', patch)], 0);
  await bench.place('a', state);
  const brief = await bench.take({ briefId: 'a', attempt: 1 });
  const finish = (end: Partial<BriefEnd> = {}) =>
    endBrief(bench.context, brief, { ...failed, ...end });
  return { ...bench, finish };
}

const { firstSentAt: _sent, ...rest } = submitting(0);
const waiting: BriefState = { ...rest, stage: 'admitted', sends: 2 };
const sentAt = Date.parse('2026-06-01T12:00:05.000Z');
const doneAt = Date.parse('2026-06-01T12:00:30.000Z');

describe('a line', () => {
  it('carries everything that the brief was, and what became of it', async () => {
    const { finish, lines, notices } = await benchAt(
      ready('task_1', {
        reserved: 5,
        final: 4,
        checks: 3,
        submittedAt: sentAt,
        completedAt: doneAt,
      }),
      {
        origin:
          '{"row":12,"source":"s.csv","references":["https://a.test/1.png"],"metadata":{"k":[1]},"input":{"sku":"00123","2024":"x"}}',
        body: '{"model":"z-image","prompt":"ü\\u0000\\n","params":{"a":{"b":1}}}',
      },
    );
    await finish({ urls: ['https://m.test/1.png?sig=secret', 'https://m.test/2.png#secret'] });
    const [line] = await lines();
    expect(manifestLineSchema.parse(line)).toEqual(line);
    expect(line).toMatchObject({
      brief_id: 'a',
      batch: 'spring',
      seq: 1,
      source: 's.csv',
      row: 12,
      status: 'failed',
      model: 'z-image',
      prompt: 'ü\u0000\n',
      params: { a: { b: 1 } },
      references: ['https://a.test/1.png'],
      metadata: { k: [1] },
      task_id: 'task_1',
      attempt: 1,
      credits: { reserved: 5, final: 4 },
      urls: ['https://m.test/1.png', 'https://m.test/2.png'],
      error: failed.error,
      requests: { submits: 1, status_checks: 3 },
      times: {
        submitted: '2026-06-01T12:00:05.000Z',
        completed: '2026-06-01T12:00:30.000Z',
        collected: null,
      },
      input: { sku: '00123', '2024': 'x' },
    });
    expect(notices).toEqual([
      { kind: 'lined', briefId: 'a', status: 'failed', error: failed.error },
    ]);
  });

  it.each<[string, BriefState, object]>([
    ['before it was sent', waiting, { task_id: null, requests: { submits: 2, status_checks: 0 } }],
    [
      'while it was sent',
      submitting(sentAt),
      { task_id: null, times: { submitted: '2026-06-01T12:00:05.000Z', completed: null } },
    ],
    [
      'while it ran',
      accepted('task_1', { reserved: null }),
      { task_id: 'task_1', credits: { reserved: null, final: null } },
    ],
  ])('of a brief that ended %s says no more than is known', async (_what, state, fields) => {
    const { finish, lines } = await benchAt(state);
    await finish();
    expect(await lines()).toMatchObject([fields]);
  });

  it('has no prompt and no params where none were sent', async () => {
    const { finish, lines } = await benchAt(waiting, { body: '{"model":"z-image"}' });
    await finish();
    expect(await lines()).toMatchObject([{ prompt: null, params: {} }]);
  });
});

describe('safe to repeat', () => {
  it('S4: a second end changes nothing, whatever it says', async () => {
    const { finish, lines, ledger } = await benchAt(accepted('task_1'));
    await finish();
    expect(await finish({ status: 'unknown' })).toEqual({ kind: 'done' });
    expect(await lines()).toHaveLength(1);
    expect(await ledger.meta()).toMatchObject({ lines: { failed: 1, unknown: 0 }, pending: 0 });
  });

  it('S4: from a state that no longer stands it writes nothing and says where the brief is', async () => {
    const { finish, lines, place } = await benchAt(submitting(0));
    await place('a', accepted('task_1'));
    expect(await finish()).toEqual({ kind: 'next', stage: 'status', attempt: 1, delayMs: 0 });
    expect(await lines()).toEqual([]);
  });

  it('S4: content that is gone before the brief has its line is missing, and after that nothing to do', async () => {
    const { work, lines, redis, ledger, place } = await benchAt(ready('task_1'));
    const collect = () => work('collect', { briefId: 'a', attempt: 1 });
    await redis.hdel(ledger.keys.content, 'a');
    expect(await collect()).toEqual({ kind: 'missing' });
    const { attempt, fingerprint, seq } = ready('task_1');
    await place('a', { stage: 'lined', attempt, fingerprint, seq, status: 'succeeded' });
    expect(await collect()).toEqual({ kind: 'done' });
    expect(await lines()).toEqual([]);
  });
});
