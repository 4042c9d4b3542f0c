import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openLife } from '../../src/batch/open-batch.js';
import { AccountLedger } from '../../src/ledger/account-ledger.js';
import { BatchLedger } from '../../src/ledger/batch-ledger.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { connect, identity, newPrefix, preparedBrief } from '../support/ledger.js';

/** A fresh start of a batch in a folder of its own, with all of its one brief made and written. */
async function openFinished() {
  const redis = connect();
  const prefix = newPrefix();
  const { origin } = identity;
  const account = new AccountLedger(redis, prefix, identity.account);
  const ledger = new BatchLedger(redis, prefix, 'spring', account);
  const out = await mkdtemp(join(tmpdir(), 'rivya-batch-life-'));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const open = (mode: 'go_on' | 'fresh', nowMs: number) =>
    openLife(
      {
        ...{ redis, prefix, origin, account, clock: { now: () => nowMs } },
        categoryOf: () => 'image',
        priceOf: () => ({ guess: 3, least: 1 }),
        places: { home: '', s3Endpoint: null },
      },
      { ledger, out, place: 'named', mode },
    );
  const { meta: begun } = await open('fresh', 1_000);
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
  const { meta, journal } = await open('go_on', 2_000);
  expect(meta).toMatchObject({ nonce: begun.nonce, createdAt: 1_000, admitted: 0 });
  expect(journal).toMatchObject({
    elsewhere: true,
    header: { nonce: begun.nonce, createdAt: 1_000 },
  });
});

it('S1: where the lines alone are gone, the journal knows what was sent', async () => {
  const { out, open, begun } = await openFinished();
  await rm(join(out, 'manifest.jsonl'));
  const { meta, journal } = await open('go_on', 2_000);
  expect(meta).toMatchObject({ nonce: begun.nonce, createdAt: 1_000, admitted: 0 });
  expect(journal).toMatchObject({ elsewhere: false });
});
