import { describe, expect, it, onTestFinished } from 'vitest';
import { queueName } from '../../src/shared/queue-names.js';
import { jobDataSchema, jobId, type NewJob, StageQueues } from '../../src/shared/queues.js';
import { connect, newPrefix } from '../support/ledger.js';

function openQueues() {
  const queues = new StageQueues(connect(), newPrefix(), 'spring');
  onTestFinished(() => queues.close());
  return queues;
}

const job = (brief: string, patch: Partial<NewJob> = {}): NewJob => ({
  brief,
  attempt: 1,
  delayMs: 0,
  ...patch,
});

describe('jobId', () => {
  it('never changes by accident: the same brief would get a second job', () => {
    expect(jobId('spring', 'sku-1', 1)).toBe('b-f356e04aff2dee2f63d32ad9');
  });

  it('holds no colon and not only digits, whatever the brief is called', () => {
    for (const id of ['1', '00123', 'a:b', 'ü', '{{', '\u202e']) {
      expect(jobId('2026', id, 1)).toMatch(/^b-[0-9a-f]{24}$/);
    }
  });

  it('differs by batch, brief and attempt, wherever they are cut', () => {
    const ids = [
      jobId('a', 'b', 1),
      jobId('a', 'b', 2),
      jobId('a:b', '', 1),
      jobId('a', 'b:1', 1),
      jobId('ab', '', 1),
      jobId('', 'ab', 1),
      jobId('a', 'b:1', 2),
      jobId('a', 'b', 12),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('names queues so that Bull Board groups them by batch', () => {
    expect(queueName('spring', 'status')).toBe('spring.status');
  });
});

describe('the data of a job', () => {
  it('is read where a later version has put more into it: two versions run side by side', () => {
    const later = { v: 1, brief: 'a', attempt: 1, hint: 'of a later version' };
    expect(jobDataSchema.parse(later)).toEqual({ v: 1, brief: 'a', attempt: 1 });
  });
});

describe('StageQueues', () => {
  it('S1: adding a job that is there already changes nothing, one by one or in bulk', async () => {
    const queues = openQueues();
    await queues.add('collect', [job('a', { urls: ['https://a.test/1?token=1'] })]);
    await queues.add('collect', [job('a')]);
    await queues.add('collect', [job('a'), job('b'), job('b')]);
    const queue = queues.queue('collect');
    expect(await queue.getWaitingCount()).toBe(2);
    const kept = await queue.getJob(jobId('spring', 'a', 1));
    expect(kept?.data).toEqual({
      v: 1,
      brief: 'a',
      attempt: 1,
      urls: ['https://a.test/1?token=1'],
    });
  });

  it('takes a delay with a fraction, and another attempt as another job', async () => {
    const queues = openQueues();
    await queues.add('status', [job('a', { delayMs: 60_000.4 }), job('a', { attempt: 2 })]);
    const counts = await queues.queue('status').getJobCounts('delayed', 'waiting');
    expect(counts).toEqual({ delayed: 1, waiting: 1 });
  });

  it('brings jobs forward that lie further ahead than any, as after a time of day that was set back', async () => {
    const queues = openQueues();
    await queues.add('status', [job('a', { delayMs: 60_000 })]);
    await queues.add('collect', [job('b', { delayMs: 7_200_000 }), job('c', { delayMs: 1_000 })]);
    await queues.bringForward(90_000, Date.now());
    const waiting = (stage: 'status' | 'collect') => queues.queue(stage).getWaitingCount();
    expect([await waiting('status'), await waiting('collect')]).toEqual([0, 2]);
    await queues.bringForward(0, Date.now());
    expect(await waiting('status')).toBe(1);
  });

  it('hastens a check that is put off, marks it as hinted, and tells of it once', async () => {
    const told: number[][] = [];
    const queues = new StageQueues(connect(), newPrefix(), 'spring', (stage, duesMs) => {
      if (stage === 'status') told.push([...duesMs]);
    });
    onTestFinished(() => queues.close());
    await queues.add('status', [job('a', { delayMs: 60_000 })]);
    told.splice(0);
    const before = Date.now();
    expect(await queues.hasten('a', 1, 0)).toBe('hastened');
    expect(told).toHaveLength(1);
    expect(told[0]?.[0]).toBeLessThanOrEqual(Date.now());
    const queue = queues.queue('status');
    const [, , , nextMs] = (await queue.getBackend().moveToActive('token')) as [
      never,
      string,
      never,
      number,
    ];
    expect(nextMs).toBe(0);
    const kept = await queue.getJob(jobId('spring', 'a', 1));
    expect(kept?.data).toEqual({ v: 1, brief: 'a', attempt: 1, hinted: true });
    expect(kept?.processedOn).toBeGreaterThanOrEqual(before);
  });

  it('lets no check come later than it would, and hastens none that is due, made, or not there', async () => {
    const queues = openQueues();
    await queues.add('status', [job('a', { delayMs: 30_000 }), job('b')]);
    const dueMs = async () =>
      Number(
        await connect().zscore(queues.queue('status').toKey('delayed'), jobId('spring', 'a', 1)),
      );
    const plannedMs = await dueMs();
    expect(await queues.hasten('a', 1, 60_000)).toBe('hastened');
    expect(await dueMs()).toBe(plannedMs);
    expect(await queues.hasten('b', 1, 0)).toBe('not_put_off');
    expect(await queues.hasten('a', 2, 0)).toBe('not_put_off');
    expect(await queues.hasten('c', 1, 0)).toBe('not_put_off');
    await queues.queue('status').getBackend().moveToActive('token');
    expect(await queues.hasten('b', 1, 0)).toBe('not_put_off');
  });

  it('does nothing for no jobs, and leaves nothing behind when it is obliterated', async () => {
    const prefix = newPrefix();
    const redis = connect();
    const queues = new StageQueues(redis, prefix, 'spring');
    onTestFinished(() => queues.close());
    await queues.add('submit', []);
    await queues.add('submit', [job('a'), job('b', { delayMs: 1_000 })]);
    await queues.obliterate();
    expect(await redis.keys(`${prefix}*`)).toEqual([]);
  });
});
