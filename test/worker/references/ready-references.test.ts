import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { uploadLifeMs } from '../../../src/ledger/upload-ledger.js';
import { hasThumbnail } from '../../../src/pictures/thumbnails.js';
import { storedFetcher } from '../../../src/producer/references/fetch-stored.js';
import type { StageJob, Step } from '../../../src/worker/stages/step.js';
import { S3Server } from '../../support/s3-server.js';
import { model, type ReferenceBench, referenceBench } from '../stages/reference-bench.js';

const job: StageJob = { briefId: 'a', attempt: 1 };

async function benchWith(...settings: Parameters<typeof referenceBench>) {
  const bench = await referenceBench(...settings);
  const file = await bench.file(1);
  await bench.admit('a', [file]);
  return { ...bench, picture: file, subject: { sha256: file.sha256, model } };
}

/** Repeats the step, as its job would, until it is not put off for later any more. */
async function untilEnd(bench: ReferenceBench): Promise<{ step: Step | null; looks: number }> {
  let tries = 0;
  for (let looks = 1; ; looks++) {
    const step = await bench.ready({ ...job, tries });
    if (step?.kind !== 'later') return { step, looks };
    tries = step.tries ?? tries;
  }
}

describe('the references of a brief', () => {
  it('S7: are uploaded once, counted, and shared by all briefs', async () => {
    const bench = await benchWith();
    await bench.admit('b', [bench.picture, bench.picture]);
    expect(await bench.ready(job)).toBeNull();
    expect(await bench.ready({ briefId: 'b', attempt: 1 })).toBeNull();
    expect(bench.simulator.bill().uploads.files).toBe(1);
    expect((await bench.ledger.meta())?.requests.uploads).toBe(1);
    const addresses = await bench.ledger.references.addresses('b');
    const { url, id } =
      bench.simulator.uploads().map((file) => ({ ...file, url: file.id }))[0] ?? {};
    expect(url).toBe(id);
    expect(addresses?.items).toHaveLength(2);
    expect(addresses?.items[0]).toMatchObject({
      kind: 'image',
      name: '1.png',
      mimeType: 'image/png',
      url: expect.stringContaining(String(id)),
    });
  });

  it('are shown beside the results, whoever has uploaded them; what has changed is not', async () => {
    const bench = await benchWith();
    const { thumbnails, account } = bench.context;
    const changed = { ...(await bench.file(2)), sha256: 'f'.repeat(64) };
    await bench.admit('b', [changed]);
    // Another process has uploaded both.
    const upload = { kind: 'uploaded', url: 'https://files.example/1', fileId: '1' } as const;
    for (const { sha256 } of [bench.picture, changed]) {
      const made = { ...upload, durationToken: null, durationSeconds: null };
      await account.uploads.save({ sha256, model }, made);
    }
    for (const briefId of ['a', 'b']) expect(await bench.ready({ briefId, attempt: 1 })).toBeNull();
    await thumbnails.settle(60_000);
    expect(await hasThumbnail(bench.out, bench.picture.sha256)).toBe(true);
    expect(await hasThumbnail(bench.out, changed.sha256)).toBe(false);
  });

  it('S2: while another machine uploads the same, it comes again later', async () => {
    const bench = await benchWith();
    await bench.account.uploads.lock(bench.subject);
    expect(await bench.ready(job)).toMatchObject({ kind: 'later' });
    expect(bench.simulator.bill().requests.total).toBe(0);
    await bench.account.uploads.unlock(bench.subject);
    expect(await bench.ready(job)).toBeNull();
  });

  it('are uploaded again before a first send when the upload may have died', async () => {
    const bench = await benchWith();
    await bench.ready(job);
    const { references } = bench.ledger;
    const { read, addresses } = await references.look('a');
    if (!read || !addresses) throw new Error('nothing was saved');
    const old = { ...addresses, oldestMs: addresses.oldestMs - uploadLifeMs };
    await references.saveAddresses('a', read, old);
    // Where it still stands for others, it is not younger for that.
    await bench.account.uploads.forget(bench.subject, String(addresses.items[0]?.url));
    expect(await bench.ready(job)).toBeNull();
    expect(bench.simulator.bill().uploads.files).toBe(2);
  });

  it('S1: once they were sent, stay as they were under that attempt', async () => {
    const bench = await benchWith({ faults: ['rate-limited=0:1x:endpoint=submit'] });
    await bench.ready(job);
    const before = await bench.ledger.references.addresses('a');
    await bench.submit('a');
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', attempt: 1, sends: 1 });
    await bench.account.uploads.forget(bench.subject, String(before?.items[0]?.url));
    expect(await bench.ready(job)).toBeNull();
    expect(await bench.ledger.references.addresses('a')).toEqual(before);
    expect(bench.simulator.bill().uploads.files).toBe(1);
  });

  it('S1: a worker that was frozen cannot change what another has sent meanwhile', async () => {
    const bench = await benchWith({ durationMs: 60_000, speed: 1 });
    const { references } = bench.ledger;
    const { read } = await references.look('a');
    await bench.ready(job);
    const sent = await references.addresses('a');
    await bench.begin('a');
    if (!read || !sent) throw new Error('nothing was saved');
    const late = { ...sent, items: [] };
    expect(await references.saveAddresses('a', read, late)).toBe('overtaken');
    expect(await references.addresses('a')).toEqual(sent);
  });
});

describe('a reference of a bucket', () => {
  it('is fetched where the machine that submits has no copy; of other content it is not sent', async () => {
    const server = await S3Server.start('shop');
    onTestFinished(() => server.stop());
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
    const bench = await referenceBench();
    const file = await bench.file(1);
    const proxy = { http: null, https: null, noProxy: null };
    const folder = join(dirname(file.path), 'references');
    const fetchStored = storedFetcher({ endpoint: server.endpoint, proxy, folder });
    Object.assign(bench.context, { fetchStored });
    await server.place('shop', '1.png', await readFile(file.path));
    await rm(file.path);
    await bench.admit('a', [{ ...file, from: 's3://shop/1.png' }]);
    expect(await bench.ready(job)).toBeNull();
    expect(bench.simulator.uploads().map(({ sha256 }) => sha256)).toEqual([file.sha256]);
    const other = await bench.file(2);
    await rm(other.path);
    await bench.admit('b', [{ ...other, from: 's3://shop/1.png' }]);
    expect(await bench.ready({ briefId: 'b', attempt: 1, tries: 5 })).toEqual({ kind: 'done' });
    expect((await bench.lines())[0]?.error?.code).toBe('reference_changed');
    expect(bench.simulator.uploads()).toHaveLength(1);
  });
});

describe('a reference that cannot be had', () => {
  it('a file that is gone is looked for a few times, then its brief fails, unpaid', async () => {
    const bench = await benchWith();
    await rm(bench.picture.path);
    expect(await untilEnd(bench)).toEqual({ step: { kind: 'done' }, looks: 6 });
    expect((await bench.lines())[0]).toMatchObject({
      status: 'failed',
      error: { code: 'reference_missing' },
      credits: { reserved: null, final: null },
    });
    expect(bench.simulator.bill().requests.total).toBe(0);
  });

  it('so does one whose content has changed', async () => {
    const bench = await benchWith();
    await writeFile(bench.picture.path, Buffer.alloc(bench.picture.bytes));
    expect((await untilEnd(bench)).step).toEqual({ kind: 'done' });
    expect((await bench.lines())[0]?.error?.code).toBe('reference_changed');
    expect(bench.simulator.bill().requests.total).toBe(0);
  });

  it('one that the API refuses for good fails every brief with it, after one upload', async () => {
    const bench = await benchWith({
      faults: ['refuse=413/too_large:1x:endpoint=file-upload'],
    });
    await bench.admit('b', [bench.picture]);
    expect(await bench.ready(job)).toEqual({ kind: 'done' });
    expect(await bench.ready({ briefId: 'b', attempt: 1 })).toEqual({ kind: 'done' });
    expect((await bench.lines()).map((line) => line.error?.code)).toEqual([
      'too_large',
      'too_large',
    ]);
    expect(bench.simulator.bill().requests.byEndpoint).toEqual({ 'file-upload': { 413: 1 } });
  });
});

describe('an upload that the API does not take now', () => {
  it('S7: 429 holds everybody, and is asked again later', async () => {
    const bench = await benchWith({ faults: ['rate-limited=1:1x:endpoint=file-upload'] });
    const step = await bench.ready(job);
    expect(step).toMatchObject({ kind: 'later' });
    expect(step?.kind === 'later' && step.afterMs).toBeGreaterThanOrEqual(1_000);
    expect(bench.notices).toMatchObject([{ kind: 'throttled' }]);
  });

  it('without a clear answer it is repeated: it makes no task', async () => {
    const bench = await benchWith({ faults: ['refuse=500:1x:endpoint=file-upload'] });
    expect(await bench.ready(job)).toEqual({ kind: 'later', afterMs: 5_000, tries: 1 });
    expect(await bench.ready({ ...job, tries: 1 })).toBeNull();
  });

  it('a key without the scope holds all submissions', async () => {
    const bench = await benchWith({
      keys: [{ key: 'rvya_sk_test_0123456789abcdef', scopes: ['generations:create'] }],
    });
    expect(await bench.ready(job)).toMatchObject({ kind: 'hold' });
    expect(bench.notices).toMatchObject([{ kind: 'halted', code: 'api_scope_denied' }]);
    // While it is held, nothing more is uploaded.
    expect(await bench.ready(job)).toBeNull();
    expect(bench.simulator.bill().requests.byEndpoint).toEqual({ 'file-upload': { 403: 1 } });
  });

  it('an API that cannot be reached is waited for by all', async () => {
    const bench = await benchWith({ faults: ['api-disabled:1x'] });
    expect(await bench.ready(job)).toMatchObject({ kind: 'hold' });
    expect(bench.notices).toMatchObject([{ kind: 'api_down' }]);
  });

  it('leaves at once when the process is to stop', async () => {
    const bench = await benchWith();
    bench.stopping.abort();
    expect(await bench.ready(job)).toMatchObject({ kind: 'later' });
    expect(bench.simulator.bill().uploads.files).toBe(0);
  });
});
