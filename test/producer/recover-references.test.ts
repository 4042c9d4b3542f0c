import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { adoptManifest } from '../../src/producer/recover-batch.js';
import { recoverSends } from '../../src/producer/recover-sends.js';
import { contentFingerprint } from '../../src/shared/brief.js';
import type { JournalContent } from '../../src/shared/journal.js';
import { placeholderFor } from '../../src/shared/reference-items.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { openLedger, preparedBrief } from '../support/ledger.js';

const url = placeholderFor('a'.repeat(64));
const params = { seed: 1, referenceMediaItems: [{ kind: 'image', url }] };

it('S1: a finished brief is known again by the content of its files', async () => {
  const { ledger } = await openLedger();
  const out = await mkdtemp(join(tmpdir(), 'rivya-batch-adopt-'));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const finished = manifestLine({ params, references: ['photos/lamp.png'] });
  await writeFile(join(out, 'manifest.jsonl'), `${JSON.stringify(finished)}\n`);
  await adoptManifest(ledger, out, null);
  const { brief_id: id, model, prompt } = finished;
  const content = { model, prompt, params: { seed: 1 }, references: [url] };
  const brief = preparedBrief(id, { fingerprint: contentFingerprint(content) });
  expect(await ledger.briefs.lookUp([brief])).toEqual(['lined']);
});

it('S5: file names stay with the briefs that have them, in whatever order their lines are', async () => {
  const { ledger } = await openLedger();
  const out = await mkdtemp(join(tmpdir(), 'rivya-batch-adopt-'));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const named = (id: string, file: string) => {
    const [asset] = manifestLine().assets;
    const assets = asset ? [{ ...asset, path: `assets/${file}` }] : [];
    return JSON.stringify(manifestLine({ brief_id: id, name: 'Lamp', assets }));
  };
  // As a schedule's batch takes them over where the input has them in another order.
  const suffix = createHash('sha256').update('second').digest('hex').slice(0, 10);
  const lines = [named('second', `Lamp~${suffix}~1.png`), named('first', 'Lamp~1.png')];
  await writeFile(join(out, 'manifest.jsonl'), `${lines.join('\n')}\n`);
  await adoptManifest(ledger, out, null);
  expect(await ledger.briefs.claimName('second', 'lamp')).toBe('needs_suffix');
  expect(await ledger.briefs.claimName('first', 'lamp')).toBe('plain');
});

it('S1: a send in doubt has its addresses again before it can be repeated', async () => {
  const opened = await openLedger();
  await opened.admit('a', 'b');
  const items = [{ kind: 'image', url: 'https://files.test/1?signature=x' }];
  const header = { batch: 'spring', origin: '', account: '', nonce: '', createdAt: 1 };
  const journal: JournalContent = {
    header,
    elsewhere: false,
    runs: [],
    opened: new Map(),
    sends: new Map([
      ['a', { attempt: 2, sentAt: 5, references: items }],
      ['b', { attempt: 1, sentAt: 5 }],
    ]),
  };
  await recoverSends(opened.ledger, journal, ['a', 'b']);
  expect(await opened.stateOf('a')).toMatchObject({ stage: 'submitting', attempt: 2, sends: 1 });
  const { references } = opened.ledger;
  expect(await references.addresses('a')).toMatchObject({ attempt: 2, items });
  expect(await references.addresses('b')).toBeNull();
});

it('forgetting a batch leaves nothing of its references', async () => {
  const { ledger, redis, prefix } = await openLedger();
  const file = { sha256: 'a'.repeat(64), path: '/x', bytes: 1, mediaType: 'image/png', name: 'x' };
  await ledger.references.keepFiles([file]);
  await ledger.references.restoreAddresses('a', { attempt: 1, items: [] });
  expect(await ledger.references.file(file.sha256)).toEqual(file);
  await ledger.forget();
  expect(await redis.keys(`${prefix}:*`)).toEqual([]);
});

it('S1: a send in doubt is not repeated with the content of a later input', async () => {
  const opened = await openLedger();
  await opened.admit('a', 'b');
  const header = { batch: 'spring', origin: '', account: '', nonce: '', createdAt: 1 };
  const sends: JournalContent['sends'] = new Map([
    ['a', { attempt: 1, sentAt: 5, fingerprint: 'cd' }],
    ['b', { attempt: 1, sentAt: 5, fingerprint: preparedBrief('b').fingerprint }],
  ]);
  const journal = { header, elsewhere: false, runs: [], opened: new Map(), sends };
  await recoverSends(opened.ledger, journal, ['a', 'b']);
  expect(await opened.stateOf('a')).toMatchObject({ stage: 'submitting', sentOther: true });
  expect(await opened.stateOf('b')).not.toHaveProperty('sentOther');
});
