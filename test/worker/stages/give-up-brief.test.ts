import { describe, expect, it } from 'vitest';
import type { BriefState } from '../../../src/ledger/brief-state.js';
import { holdings } from '../../../src/ledger/moves.js';
import type { QueueStage } from '../../../src/shared/queue-names.js';
import { giveUpBrief } from '../../../src/worker/stages/settle.js';
import { accepted, ready, submitting, waiting } from '../../ledger/brief-states.js';
import { openBench } from './stage-bench.js';

const job = { briefId: 'a', attempt: 1 };

async function benchAt(state: BriefState) {
  const bench = await openBench();
  await bench.admit('a');
  await bench.place('a', state);
  if (holdings[state.stage].place) {
    await bench.redis.zadd(bench.account.keys.inFlight, Date.now(), 'spring\na');
  }
  const giveUp = (stage: QueueStage, attempt = 1) =>
    giveUpBrief(bench.context, stage, { ...job, attempt }, 'the disk is full');
  return { ...bench, giveUp };
}

const admitted = (sends: number): BriefState => {
  const { firstSentAt: _sent, ...rest } = submitting(0, { sends });
  return { ...rest, stage: 'admitted' };
};

describe('a job that failed for good', () => {
  it.each<[string, QueueStage, BriefState]>([
    ['was given back after a refusal', 'submit', admitted(1)],
    ['may have been taken', 'submit', submitting(0)],
    ['is paid and running', 'status', accepted('task_1')],
    ['is paid and done', 'collect', ready('task_1')],
  ])('S4: ends as unknown a brief that %s, once, and frees its place', async (_what, stage, at) => {
    const { giveUp, lines, inFlight, ledger } = await benchAt(at);
    expect(await giveUp(stage)).toEqual({ kind: 'done' });
    expect(await giveUp(stage)).toEqual({ kind: 'done' });
    expect(await lines()).toMatchObject([
      {
        brief_id: 'a',
        status: 'unknown',
        error: {
          code: 'internal_error',
          message: `The ${stage} step failed over and over: the disk is full`,
        },
      },
    ]);
    expect(await inFlight()).toEqual([]);
    expect(await ledger.meta()).toMatchObject({ pending: 0 });
  });

  it.each<[string, BriefState]>([
    ['a brief that was never sent', admitted(0)],
    ['a step that was never fixed', waiting()],
  ])('S4: ends as failed %s: it may be tried again without a doubt', async (_what, at) => {
    const { giveUp, lines } = await benchAt(at);
    await giveUp('submit');
    expect(await lines()).toMatchObject([{ status: 'failed', task_id: null }]);
  });

  it('S3: says where a brief is that went on: what is paid is not given up for an old job', async () => {
    const { giveUp, lines } = await benchAt(accepted('task_1'));
    const next = { kind: 'next', attempt: 1, delayMs: 0 };
    expect(await giveUp('submit')).toEqual({ ...next, stage: 'status' });
    expect(await giveUp('collect')).toEqual({ ...next, stage: 'status' });
    expect(await lines()).toEqual([]);
  });

  it('S1: leaves a brief alone that is at another attempt', async () => {
    const { giveUp, lines } = await benchAt(submitting(0, { attempt: 2 }));
    expect(await giveUp('submit')).toMatchObject({ stage: 'submit', attempt: 2 });
    expect(await lines()).toEqual([]);
  });
});
