import { describe, expect, it } from 'vitest';
import { model, referenceBench } from './reference-bench.js';

const job = { briefId: 'a', attempt: 1 };

async function benchWith(...settings: Parameters<typeof referenceBench>) {
  const bench = await referenceBench(...settings);
  const file = await bench.file(1);
  await bench.admit('a', [file]);
  return { ...bench, subject: { sha256: file.sha256, model } };
}

describe('a submission that is refused for an upload', () => {
  it('S1: is uploaded again once, under a raised attempt, because other bytes need another key', async () => {
    const bench = await benchWith({ faults: ['reference-refused:1x'] });
    await bench.ready(job);
    const first = await bench.ledger.references.addresses('a');
    expect(await bench.submit('a')).toEqual({
      kind: 'next',
      stage: 'submit',
      attempt: 2,
      delayMs: 0,
    });
    expect(await bench.inFlight()).toEqual([]);
    expect(await bench.ready({ ...job, attempt: 2 })).toBeNull();
    const second = await bench.ledger.references.addresses('a');
    expect(second?.items).not.toEqual(first?.items);
    await bench.submit('a', 2);
    expect(bench.simulator.bill()).toMatchObject({
      total: { tasks: 1 },
      uploads: { files: 2 },
      replays: 0,
    });
  });

  it('a second refusal is taken at its word', async () => {
    const bench = await benchWith({ faults: ['reference-refused:2x'] });
    await bench.ready(job);
    await bench.submit('a');
    await bench.ready({ ...job, attempt: 2 });
    expect(await bench.submit('a', 2)).toEqual({ kind: 'done' });
    expect((await bench.lines())[0]).toMatchObject({
      status: 'failed',
      attempt: 2,
      error: { code: 'validation_failed' },
    });
    expect(bench.simulator.bill()).toMatchObject({ total: { tasks: 0 }, uploads: { files: 2 } });
  });

  it('is renewed once however long the new upload then waited for its turn', async () => {
    const bench = await benchWith({ faults: ['reference-refused:2x'] });
    await bench.ready(job);
    await bench.submit('a');
    const second = { ...job, attempt: 2 };
    await bench.ready(second);
    const { references } = bench.ledger;
    const { read, addresses } = await references.look('a');
    if (!read || !addresses) throw new Error('nothing was saved');
    await references.saveAddresses('a', read, { ...addresses, oldestMs: 0 });
    await bench.ready(second);
    expect(await bench.submit('a', 2)).toEqual({ kind: 'done' });
    expect((await bench.lines())[0]).toMatchObject({ status: 'failed', attempt: 2 });
  });

  it('S1: never while an earlier send may have been paid', async () => {
    const bench = await benchWith({
      faults: ['error-before-accept:1x', 'reference-refused:1x'],
    });
    await bench.ready(job);
    expect(await bench.submit('a')).toMatchObject({ kind: 'next', stage: 'status' });
    expect(await bench.submit('a')).toEqual({ kind: 'done' });
    expect((await bench.lines())[0]).toMatchObject({ status: 'unknown', attempt: 1 });
    expect(bench.simulator.bill().uploads.files).toBe(1);
  });

  it('does not forget the upload that another brief has made since', async () => {
    const bench = await benchWith({ faults: ['reference-refused:1x'] });
    await bench.ready(job);
    const { uploads } = bench.account;
    const before = await uploads.read(bench.subject);
    const newer = { kind: 'uploaded', url: 'https://files.test/newer' } as const;
    await uploads.save(bench.subject, {
      ...newer,
      fileId: null,
      durationToken: null,
      durationSeconds: null,
    });
    await bench.submit('a');
    expect(before).not.toBeNull();
    expect(await uploads.read(bench.subject)).toMatchObject(newer);
  });
});

describe('a send in doubt', () => {
  it('S1: is repeated with the very same bytes, whatever became of the upload meanwhile', async () => {
    const bench = await benchWith({ faults: ['lose-answer-after-accept:1x'] });
    await bench.ready(job);
    await bench.submit('a');
    const sent = await bench.ledger.references.addresses('a');
    await bench.account.uploads.forget(bench.subject, String(sent?.items[0]?.url));
    await bench.submit('a');
    expect(bench.simulator.bill()).toMatchObject({
      total: { tasks: 1 },
      replays: 1,
      billedTwice: [],
    });
  });

  it('S1: without its addresses it is not sent with others', async () => {
    const bench = await benchWith({ faults: ['lose-answer-after-accept:1x'] });
    await bench.ready(job);
    await bench.submit('a');
    await bench.ledger.references.dropAddresses('a');
    expect(await bench.submit('a')).toEqual({ kind: 'done' });
    expect((await bench.lines())[0]).toMatchObject({
      status: 'unknown',
      error: { code: 'outcome_unknown' },
    });
    expect(bench.simulator.bill().requests.byEndpoint.submit).toEqual({ dropped: 1 });
  });

  it('a first send without addresses goes back for them', async () => {
    const bench = await benchWith();
    expect(await bench.submit('a')).toEqual({ kind: 'hold', of: 'all', waitMs: 0 });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', sends: 0 });
    expect(bench.simulator.bill().requests.total).toBe(0);
  });
});
