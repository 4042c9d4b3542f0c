import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type LifeRequest, openLife } from '../../src/batch/open-batch.js';
import { AccountLedger } from '../../src/ledger/account-ledger.js';
import { BatchLedger } from '../../src/ledger/batch-ledger.js';
import { StageQueues } from '../../src/shared/queues.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { connect, identity, newPrefix, preparedBrief } from '../support/ledger.js';

/** A fresh start of a batch in a folder of its own, with all of its one brief made and written. */
async function openFinished() {
  const redis = connect();
  const prefix = newPrefix();
  const { origin, account } = identity;
  const ledger = new BatchLedger(
    redis,
    prefix,
    'spring',
    new AccountLedger(redis, prefix, account),
  );
  const out = await mkdtemp(join(tmpdir(), 'rivya-batch-life-'));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const openQueues = () => new StageQueues(redis, prefix, 'spring');
  const request = { ledger, origin, account, out, nowMs: 1_000, openQueues };
  const open = (patch: Partial<LifeRequest> = {}) =>
    openLife({ ...request, mode: 'go_on', ...patch });
  const { meta: begun } = await open({ mode: 'fresh' });
  await ledger.briefs.admit([preparedBrief('a')], 1_000);
  const line = `${JSON.stringify(manifestLine({ brief_id: 'a', batch: 'spring', assets: [] }))}\n`;
  await writeFile(join(out, 'manifest.jsonl'), line);
  const read = await ledger.briefs.read('a');
  if (read === null) throw new Error('it was just admitted');
  const end = { from: read, line: line.trimEnd(), status: 'succeeded', charged: 1 } as const;
  await ledger.briefs.finish('a', { ...end, checks: 1, downloads: 1, nowMs: 1_000 });
  const page = await ledger.outbox.read(1);
  await ledger.outbox.markWritten(page, line.length);
  await ledger.set({ admission: 'complete', ready: 1 });
  return { out, open, begun };
}

it('S1: where lines and journal are gone from the folder, the keys stay, and each brief may have been sent', async () => {
  const { out, open, begun } = await openFinished();
  expect(begun.nonce).not.toBe('');
  await rm(out, { recursive: true });
  const { meta, journal } = await open({ nowMs: 2_000 });
  expect(meta).toMatchObject({ nonce: begun.nonce, createdAt: 1_000, admitted: 0 });
  expect(journal).toMatchObject({
    elsewhere: true,
    header: { nonce: begun.nonce, createdAt: 1_000 },
  });
});

it('S1: where the lines alone are gone, the journal knows what was sent', async () => {
  const { out, open, begun } = await openFinished();
  await rm(join(out, 'manifest.jsonl'));
  const { meta, journal } = await open({ nowMs: 2_000 });
  expect(meta).toMatchObject({ nonce: begun.nonce, createdAt: 1_000, admitted: 0 });
  expect(journal).toMatchObject({ elsewhere: false });
});
