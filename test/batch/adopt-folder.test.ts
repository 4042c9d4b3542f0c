import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { adoptFolder, adoptUnderWay } from '../../src/batch/adopt-folder.js';
import type { StateOf } from '../../src/ledger/brief-state.js';
import { emptyJournal, Journal, readJournal } from '../../src/results/journal.js';
import { contentFingerprint } from '../../src/shared/brief.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { StageQueues } from '../../src/shared/queues.js';
import { placeholderFor } from '../../src/shared/reference-items.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { identity, openLedger, preparedBrief } from '../support/ledger.js';

const url = placeholderFor('a'.repeat(64));
const params = { seed: 1, referenceMediaItems: [{ kind: 'image', url }] };

/** A batch's ledger beside a folder that knows more than it. */
async function openFolder({ known = true } = {}) {
  const opened = await openLedger();
  const { ledger, redis, prefix, batch } = opened;
  const out = await mkdtemp(join(tmpdir(), 'rivya-batch-adopt-'));
  onTestFinished(() => rm(out, { recursive: true, force: true }));
  const queues = new StageQueues(redis, prefix, batch);
  onTestFinished(() => queues.close());
  const journal = await Journal.open(out, { ...identity, batch });
  onTestFinished(() => journal.close());
  const adopt = () => adoptFolder({ ledger, queues, out });
  if (known) {
    await adopt();
    await ledger.set({ ready: 1, admission: 'complete' });
  }
  const line = (id: string, patch: Partial<ManifestLine> = {}) =>
    `${JSON.stringify(manifestLine({ brief_id: id, assets: [], ...patch }))}\n`;
  return {
    ...opened,
    out,
    queues,
    journal,
    adopt,
    line,
    manifest: join(out, 'manifest.jsonl'),
    jobs: async (stage: 'submit' | 'status' | 'collect') =>
      (await queues.queue(stage).getJobs(['waiting', 'delayed', 'active']))
        .map(({ data }) => `${data.brief} ${data.attempt}`)
        .sort(),
  };
}

const content = (id: string) => {
  const { origin, body } = preparedBrief(id);
  return `${origin}\n${body}`;
};

const send = (brief: string, attempt = 1) => ({
  brief,
  attempt,
  sentAt: 5,
  credits: 3,
  kind: 'k',
  fingerprint: preparedBrief(brief).fingerprint,
  sends: 1,
  seq: 7,
  admittedAt: 4,
  content: content(brief),
});

const task = (brief: string, attempt = 1) =>
  ({ brief, attempt, task: `task_${brief}`, at: 6, category: 'image', reserved: 9 }) as const;

it.each([
  ['was admitted as a whole', 1],
  ['is still being admitted', 0],
])(
  'holds of a journal what has no end yet, and not what was sent for a million lines: its input %s',
  async (_input, ready) => {
    const { admit, place, journal, adopt, ledger } = await openFolder();
    await ledger.set({ ready });
    await admit('waits', 'made', 'in doubt');
    const end = { stage: 'lined', attempt: 1, fingerprint: 'ab', seq: 1 } as const;
    await place('made', { ...end, status: 'succeeded' });
    await place('in doubt', { ...end, status: 'unknown' });
    for (const id of ['made', 'waits', 'in doubt', 'lost']) {
      await journal.note(send(id), task(id), { brief: id, opened: 1 });
    }
    const adoption = await adopt();
    if (adoption.kind !== 'adopted') throw new Error(`it was ${adoption.kind}`);
    const { sends, tasks, opened } = adoption.journal ?? emptyJournal({ ...identity, batch: '' });
    for (const notes of [sends, tasks, opened]) {
      expect([...notes.keys()]).toEqual(['waits', 'in doubt', 'lost']);
    }
  },
);

describe('lines that the ledger does not know', () => {
  it('S1: a finished brief is known again by the content of its files', async () => {
    const { ledger, adopt, line, manifest } = await openFolder({ known: false });
    const finished = manifestLine({ params, references: ['photos/lamp.png'] });
    await writeFile(manifest, line(finished.brief_id, { params, references: ['photos/lamp.png'] }));
    expect(await adopt()).toMatchObject({ kind: 'adopted', lines: 1 });
    const { brief_id: id, model, prompt } = finished;
    const made = { model, prompt, params: { seed: 1 }, references: [url] };
    const brief = preparedBrief(id, { fingerprint: contentFingerprint(made) });
    expect(await ledger.briefs.lookUp([brief])).toEqual(['lined']);
  });

  it('S5: file names stay with the briefs that have them, in whatever order their lines are', async () => {
    const { ledger, adopt, line, manifest } = await openFolder({ known: false });
    const named = (id: string, file: string) => {
      const [asset] = manifestLine().assets;
      const assets = asset ? [{ ...asset, path: `assets/${file}` }] : [];
      return line(id, { name: 'Lamp', assets });
    };
    // As a schedule's batch takes them over where the input has them in another order.
    const suffix = createHash('sha256').update('second').digest('hex').slice(0, 10);
    const lines = [named('second', `Lamp~${suffix}~1.png`), named('first', 'Lamp~1.png')];
    await writeFile(manifest, lines.join(''));
    await adopt();
    expect(await ledger.briefs.claimName('second', 'lamp')).toBe('needs_suffix');
    expect(await ledger.briefs.claimName('first', 'lamp')).toBe('plain');
  });

  it('S4, S6: of a Redis that went back, they end their briefs in whatever state, and are counted once', async () => {
    const opened = await openFolder();
    const { ledger, account, redis, admit, begin, adopt, line, manifest, stateOf } = opened;
    await admit('sent', 'waits', 'finished');
    await begin('sent');
    const from = await ledger.briefs.read('finished');
    if (!from) throw new Error('it was admitted');
    const again = { status: 'succeeded', charged: 2, checks: 1, downloads: 0, nowMs: 0 } as const;
    // Made once more after Redis had gone back, under the key that was paid: the line there counts.
    await ledger.briefs.finish('finished', { from, line: line('finished').trimEnd(), ...again });
    const credits = { reserved: 3, final: 3 };
    const ids = ['finished', 'sent', 'waits', 'never admitted'];
    await writeFile(manifest, ids.map((id) => line(id, { credits })).join(''));
    expect(await adopt()).toMatchObject({ lines: 3 });
    expect(await adopt()).toMatchObject({ lines: 0 });
    for (const id of ids) expect(await stateOf(id)).toMatchObject({ stage: 'lined', attempt: 1 });
    expect(await ledger.outbox.length()).toBe(0);
    expect(await ledger.meta()).toMatchObject({
      admitted: 4,
      pending: 0,
      lines: { succeeded: 4 },
      spent: 11,
      reserved: 0,
      finalized: false,
    });
    expect(await opened.inFlight()).toEqual([]);
    expect((await redis.hgetall(account.keys.prices))['z-image']).toBe('3');
  });

  it('S5: a torn piece behind them is cut off once nothing is pending', async () => {
    const { admit, adopt, line, manifest } = await openFolder();
    await admit('a', 'b');
    await writeFile(manifest, `${line('a')}{"brief_id":"b`);
    await adopt();
    expect(await readFile(manifest, 'utf8')).toBe(`${line('a')}{"brief_id":"b`);
    await writeFile(manifest, `${line('a')}${line('b')}{"brief_id":"torn`);
    await adopt();
    expect(await readFile(manifest, 'utf8')).toBe(line('a') + line('b'));
  });

  it('S1: while an earlier life is taken over, a line that cannot be read stops it', async () => {
    const { adopt, line, manifest } = await openFolder({ known: false });
    await writeFile(manifest, `${line('a')}{"brief_id":"b"}\n${line('c')}`);
    await expect(adopt()).rejects.toMatchObject({ code: 'output_unusable' });
  });
});

describe('sends that the ledger does not know', () => {
  it('S1, S3: are asked about, or looked at where their task is known, whether they are in the input or not', async () => {
    const { journal, adopt, admit, stateOf, ledger, jobs, queues } = await openFolder();
    await admit('waits', 'renewed');
    await queues.add('submit', [{ brief: 'waits', attempt: 1, delayMs: 0 }]);
    await journal.note(send('waits'), send('renewed', 2), send('gone'), send('paid'), task('paid'));
    await adopt();
    const submitting = { stage: 'submitting', firstSentAt: 5, sends: 1 };
    expect(await stateOf('waits')).toMatchObject({ ...submitting, attempt: 1, seq: 1 });
    expect(await stateOf('renewed')).toMatchObject({ ...submitting, attempt: 2 });
    expect(await stateOf('gone')).toMatchObject({ ...submitting, seq: 7, admittedAt: 4 });
    expect(await stateOf('paid')).toMatchObject({ stage: 'accepted', taskId: 'task_paid' });
    expect(await ledger.briefs.readContent('gone')).toBe(content('gone'));
    expect(await jobs('status')).toEqual(['gone 1', 'paid 1', 'renewed 2', 'waits 1']);
    expect(await jobs('submit')).toEqual([]);
    expect(await ledger.meta()).toMatchObject({ admitted: 4, pending: 4, stage: 'running' });
  });

  it('S6: count against the cap with what the API stated, once', async () => {
    const { journal, adopt, ledger, account } = await openFolder();
    await journal.note(send('gone'), send('paid'), task('paid'));
    await adopt();
    await ledger.adoption.markNoted(0);
    await adopt();
    expect(await ledger.meta()).toMatchObject({ reserved: 12 });
    expect((await account.prices()).get('k')).toBe(9);
    expect(await ledger.dropUnused()).toBe('in_use');
  });

  it('S1: those that it knows stay as they are, and a task that it lost is taken over', async () => {
    const { journal, adopt, admit, begin, ledger, stateOf, place } = await openFolder();
    await admit('sent', 'taken', 'later', 'lined');
    const { brief } = (await begin('sent')) as { brief: { state: StateOf<'submitting'> } };
    await begin('taken');
    await place('later', { ...brief.state, stage: 'submitting', attempt: 2, firstSentAt: 8 });
    const { fingerprint } = brief.state;
    await place('lined', { stage: 'lined', attempt: 1, fingerprint, seq: 4, status: 'unknown' });
    const sent = ['sent', 'taken', 'later', 'lined'].map((id) => send(id));
    await journal.note(...sent, task('taken'));
    await adopt();
    expect(await stateOf('sent')).toEqual(brief.state);
    expect(await stateOf('taken')).toMatchObject({ stage: 'accepted', taskId: 'task_taken' });
    expect(await stateOf('later')).toMatchObject({ stage: 'submitting', attempt: 2 });
    expect(await stateOf('lined')).toMatchObject({ stage: 'lined', status: 'unknown' });
    // What nobody knows the outcome of stays reserved (S6): 1 of each permit, 9 as stated in place of one of them.
    expect(await ledger.meta()).toMatchObject({ admitted: 4, reserved: 5 });
  });

  it('S1: what was sent stands in the way of another content under its key, where the journal has neither', async () => {
    const { journal, adopt, admit, stateOf } = await openFolder();
    await admit('a', 'b');
    const { fingerprint } = preparedBrief('b');
    await journal.note({ brief: 'a', attempt: 1, sentAt: 5, fingerprint: 'cd' });
    await journal.note({ brief: 'b', attempt: 1, sentAt: 5, fingerprint });
    await journal.note({ brief: 'gone', attempt: 1, sentAt: 5, fingerprint });
    await adopt();
    expect(await stateOf('a')).toMatchObject({ stage: 'submitting', sentOther: true });
    expect(await stateOf('b')).not.toHaveProperty('sentOther');
    expect(await stateOf('gone')).toMatchObject({ stage: 'submitting', sentOther: true });
  });

  it('S1: a send in doubt has its addresses again before it can be repeated', async () => {
    const { journal, adopt, ledger } = await openFolder();
    const items = [{ kind: 'image', url: 'https://files.test/1?signature=x' }];
    await journal.note({ ...send('a', 2), references: items }, send('b'));
    await adopt();
    expect(await ledger.references.addresses('a')).toMatchObject({ attempt: 2, items });
    expect(await ledger.references.addresses('b')).toBeNull();
  });

  it('S1: one whose attempt is over does not come back', async () => {
    const { journal, adopt, stateOf } = await openFolder();
    await journal.note(send('a'), { brief: 'a', opened: 2 });
    await adopt();
    expect(await stateOf('a')).toBeNull();
  });

  it('S1: a job that Redis lost without the state comes back, and one that is there stays alone', async () => {
    const { journal, adopt, admit, begin, jobs, queues } = await openFolder();
    await admit('lost', 'there');
    await begin('lost');
    await begin('there');
    await queues.add('submit', [{ brief: 'there', attempt: 1, delayMs: 0 }]);
    await journal.note(send('lost'), send('there'));
    await adopt();
    expect(await jobs('status')).toEqual(['lost 1']);
    expect(await jobs('submit')).toEqual(['there 1']);
  });
});

describe('a folder of a later time than Redis', () => {
  it('S1: is not taken over piece by piece where its manifest was replaced, or a fresh start came', async () => {
    const { journal, adopt, redis, ledger } = await openFolder();
    await journal.note({ manifest: 1 });
    expect(await adopt()).toEqual({ kind: 'outdated' });
    // A retry that is under way has noted it before it is done; one that was done before Redis went back is not under way.
    await redis.hset(ledger.keys.reopened, 'a', 1);
    expect(await adopt()).toMatchObject({ kind: 'adopted' });
    await journal.note({ manifest: 1, settled: true });
    expect(await adopt()).toEqual({ kind: 'outdated' });
    const fresh = await openFolder();
    await fresh.redis.hset(fresh.ledger.keys.meta, 'createdAt', identity.createdAt - 1);
    expect(await fresh.adopt()).toEqual({ kind: 'outdated' });
  });

  it('S1: is the one that counts from then on where nothing was known', async () => {
    const { journal, adopt, ledger } = await openFolder({ known: false });
    await journal.note({ manifest: 2 });
    expect(await adopt()).toMatchObject({ kind: 'adopted' });
    expect(await ledger.adoption.marks()).toMatchObject({ generation: '2', adopting: false });
    expect(await adopt()).toMatchObject({ kind: 'adopted' });
  });

  it('S1: is compared from its beginning where another one took its place', async () => {
    const { adopt, admit, redis, ledger, out, journal, batch, jobs } = await openFolder();
    await admit('a', 'b');
    await journal.note(send('a'));
    await adopt();
    await rm(join(out, 'journal.jsonl'));
    const anew = await Journal.open(out, { ...identity, batch });
    onTestFinished(() => anew.close());
    await adopt();
    await anew.note(send('b'), send('c'));
    const sent = await ledger.briefs.read('b');
    expect(sent?.state.stage).toBe('admitted');
    await adopt();
    expect(await jobs('status')).toEqual(['a 1', 'b 1', 'c 1']);
    expect(await redis.hexists(ledger.keys.state, 'c')).toBe(1);
  });

  it('reads no more of the journal than what came since', async () => {
    const { journal, adopt, out } = await openFolder();
    await journal.note(send('a'));
    expect(await adopt()).toMatchObject({
      journal: { sends: new Map([['a', expect.anything()]]) },
    });
    await appendFile(join(out, 'journal.jsonl'), '{"brief":"torn');
    await journal.note(send('b'));
    expect(await adopt()).toMatchObject({
      journal: { sends: new Map([['b', expect.anything()]]) },
    });
  });
});

it('S1: a send without its content is asked about with what the input says, where that is what was sent', async () => {
  const { ledger, queues, out, journal, adopt, admit, stateOf, jobs } = await openFolder({
    known: false,
  });
  const { fingerprint } = preparedBrief('same');
  await journal.note(
    { brief: 'same', attempt: 1, sentAt: 5, fingerprint },
    { brief: 'other', attempt: 1, sentAt: 5, fingerprint: 'cd' },
    { brief: 'gone', attempt: 1, sentAt: 5, fingerprint },
  );
  const adoption = await adopt();
  if (adoption.kind !== 'adopted' || adoption.journal === null) throw new Error('it was begun');
  for (const id of ['same', 'other', 'gone']) expect(await stateOf(id)).toBeNull();
  await admit('same', 'other');
  await adoptUnderWay({ ledger, queues, out }, adoption.journal, ['same', 'other']);
  expect(await stateOf('same')).toMatchObject({ stage: 'submitting', firstSentAt: 5 });
  expect(await stateOf('same')).not.toHaveProperty('sentOther');
  expect(await stateOf('other')).toMatchObject({ stage: 'submitting', sentOther: true });
  expect(await jobs('status')).toEqual(['other 1', 'same 1']);
  await ledger.set({ ready: 1 });
  await adopt();
  expect(await stateOf('gone')).toMatchObject({ stage: 'submitting', sentOther: true });
});

it('S1: where others sent without the folder, any brief may have been sent since the batch began', async () => {
  const { ledger, queues, out, admit, stateOf } = await openFolder({ known: false });
  await admit('a', 'b');
  const header = { ...identity, batch: 'spring' };
  const journal = { ...emptyJournal(header), elsewhere: true, opened: new Map([['b', 2]]) };
  await adoptUnderWay({ ledger, queues, out }, journal, ['a', 'b']);
  const firstSentAt = identity.createdAt;
  expect(await stateOf('a')).toMatchObject({ stage: 'submitting', attempt: 1, firstSentAt });
  expect(await stateOf('b')).toMatchObject({ stage: 'submitting', attempt: 2, firstSentAt });
});

it('S1: of a step, nothing is taken for sent before what it comes after is there, and no draft for what was sent', async () => {
  const { ledger, queues, out, journal, stateOf } = await openFolder({ known: false });
  const after = [{ output: 'still', id: 'still', fingerprint: 'ab' }];
  const step = (id: string) =>
    preparedBrief(id, {
      origin: JSON.stringify({ ...JSON.parse(preparedBrief(id).origin), after }),
      body: '{"draft":{"endpoint":"generations","model":"z-image","prompt":[],"params":{},"texts":{},"references":[]}}',
      waits: true,
    });
  await ledger.briefs.admit(['unsent', 'sent'].map(step), 0);
  const { content: _content, ...sent } = send('sent');
  await journal.note(sent);
  const noted = await readJournal(out);
  if (noted === null) throw new Error('there is no journal');
  await adoptUnderWay({ ledger, queues, out }, { ...noted, elsewhere: true }, ['unsent', 'sent']);
  expect(await stateOf('unsent')).toMatchObject({ stage: 'waiting', attempt: 1 });
  expect(await stateOf('sent')).toMatchObject({ stage: 'submitting', sentOther: true });
});

it('forgetting a batch leaves nothing of it, its references and places in flight included', async () => {
  const { ledger, redis, prefix, admit, begin, inFlight } = await openFolder();
  const file = { sha256: 'a'.repeat(64), path: '/x', bytes: 1, mediaType: 'image/png', name: 'x' };
  await ledger.references.keepFiles([file]);
  await ledger.references.restoreAddresses('a', { attempt: 1, items: [] });
  expect(await ledger.references.file(file.sha256)).toEqual(file);
  await admit('a');
  await begin('a');
  await ledger.forget();
  expect(await inFlight()).toEqual([]);
  expect(await redis.keys(`${prefix}:batch:*`)).toEqual([]);
  expect(await redis.keys(`${prefix}:batches`)).toEqual([]);
});
