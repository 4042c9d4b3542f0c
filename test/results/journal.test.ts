import { appendFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Journal, journalPath, readContentAt, readJournal } from '../../src/results/journal.js';

const header = {
  batch: 'spring',
  origin: 'https://rivya.test',
  account: 'account-1',
  nonce: '',
  createdAt: 1,
  requestIds: 'given' as const,
};

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'journal-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'out');
}

const sends = async (out: string) => Object.fromEntries((await readJournal(out))?.sends ?? []);

describe('the journal', () => {
  it('is none where there is none', async () => {
    expect(await readJournal(await newFolder())).toBeNull();
  });

  it('S1: remembers when the key of the latest attempt of each brief was first sent', async () => {
    const out = await newFolder();
    const journal = await Journal.open(out, header);
    await journal.note({ brief: 'a', attempt: 1, sentAt: 10 });
    await journal.note({ brief: 'ü\n"', attempt: 1, sentAt: 11 });
    await journal.close();
    const later = await Journal.open(out, { ...header, nonce: 'not taken' });
    await later.note({ brief: 'a', attempt: 2, sentAt: 12 });
    await later.close();
    expect(await readJournal(out)).toMatchObject({ header, elsewhere: false });
    expect(await sends(out)).toEqual({
      a: { attempt: 2, sentAt: 12 },
      'ü\n"': { attempt: 1, sentAt: 11 },
    });
  });

  it('S1: remembers what was sent in place of files', async () => {
    const out = await newFolder();
    const journal = await Journal.open(out, header);
    const references = [{ kind: 'image', url: 'https://files.test/1?signature=x', name: '1.png' }];
    await journal.note({ brief: 'a', attempt: 1, sentAt: 10, references });
    await journal.close();
    expect(await sends(out)).toEqual({ a: { attempt: 1, sentAt: 10, references } });
  });

  it('S1: remembers a person’s words of the latest attempt that was opened with some', async () => {
    const out = await newFolder();
    const journal = await Journal.open(out, header);
    const words = { words: '{"brief": A red fox', fingerprint: 'ab' };
    await journal.note({ brief: 'a', opened: 2, ...words }, { brief: 'b', opened: 2, ...words });
    // By one who slept, and by one for whom it has ended.
    await journal.note({ brief: 'a', opened: 1 }, { brief: 'a', opened: 2 });
    await journal.note({ brief: 'b', opened: 3 });
    await journal.close();
    const { opened, reworded } = (await readJournal(out)) ?? {};
    expect(opened).toEqual(
      new Map([
        ['a', 2],
        ['b', 3],
      ]),
    );
    expect(reworded).toEqual(new Map([['a', { attempt: 2, ...words }]]));
  });

  it('S1: remembers that machines without this folder sent as well', async () => {
    const out = await newFolder();
    const journal = await Journal.open(out, header);
    await journal.note({ elsewhere: true });
    await journal.close();
    expect(await readJournal(out)).toMatchObject({ elsewhere: true });
  });

  it('S1: a line that a crash cut off takes no other line with it', async () => {
    const out = await newFolder();
    const journal = await Journal.open(out, header);
    await journal.note({ brief: 'a', attempt: 1, sentAt: 10 });
    await journal.close();
    await appendFile(journalPath(out), '{"brief":"b","att');
    expect(await sends(out)).toEqual({ a: { attempt: 1, sentAt: 10 } });
    const next = await Journal.open(out, header);
    await next.note({ brief: 'c', attempt: 1, sentAt: 20 });
    await next.close();
    expect(await sends(out)).toEqual({
      a: { attempt: 1, sentAt: 10 },
      c: { attempt: 1, sentAt: 20 },
    });
  });

  it('S1: nor does one that a full disk cut off while two write', async () => {
    const out = await newFolder();
    const [first, second] = [await Journal.open(out, header), await Journal.open(out, header)];
    await first.note({ brief: 'a', attempt: 1, sentAt: 10 });
    await appendFile(journalPath(out), '{"brief":"b","attempt":1,"se');
    await second.note({ brief: 'c', attempt: 1, sentAt: 20 });
    await appendFile(journalPath(out), '{"run":1,"a');
    await first.note({ brief: 'd', attempt: 1, sentAt: 30 });
    expect(Object.keys(await sends(out))).toEqual(['a', 'c', 'd']);
    await Promise.all([first.close(), second.close()]);
  });

  it('S1: what an earlier version glued to such a line is read', async () => {
    const out = await newFolder();
    await (await Journal.open(out, header)).close();
    const whole = { brief: '{"brief":1}', attempt: 1, sentAt: 1, references: [{ a: {} }] };
    await appendFile(journalPath(out), `{"brief":"b","att${JSON.stringify(whole)}\n`);
    expect(await sends(out)).toMatchObject({ '{"brief":1}': { sentAt: 1 } });
  });

  it('S1: has the content of a send, and its task; from a place on, what stands behind it', async () => {
    const out = await newFolder();
    const journal = await Journal.open(out, header);
    await journal.note({ brief: 'a', attempt: 1, sentAt: 10, content: 'ü\n{}' });
    const { end = 0 } = (await readJournal(out)) ?? {};
    const task = { attempt: 1, task: 't', at: 2, category: 'image', reserved: null } as const;
    await journal.note({ brief: 'a', ...task }, { manifest: 3 });
    await journal.close();
    const { contentAt = 0 } = (await readJournal(out))?.sends.get('a') ?? {};
    expect(await readContentAt(out, contentAt)).toBe('ü\n{}');
    const since = await readJournal(out, end);
    expect(since).toMatchObject({ header, manifest: 3, tasks: new Map([['a', task]]) });
    expect(since?.sends.size).toBe(0);
  });

  it('S1: two processes that begin it at once leave one that can be read', async () => {
    const out = await newFolder();
    const journals = await Promise.all([1, 2, 3, 4].map(() => Journal.open(out, header)));
    await Promise.all(
      journals.map((journal, index) => journal.note({ brief: `b${index}`, attempt: 1, sentAt: 5 })),
    );
    await Promise.all(journals.map((journal) => journal.close()));
    expect(Object.keys(await sends(out)).sort()).toEqual(['b0', 'b1', 'b2', 'b3']);
  });

  it('S4: the folder is the batch whose journal was begun first, of any that begin at once', async () => {
    const out = await newFolder();
    const opened = await Promise.allSettled(
      ['spring', 'summer', 'autumn'].map((batch) => Journal.open(out, { ...header, batch })),
    );
    const journals = opened.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
    expect(journals).toHaveLength(1);
    for (const it of opened) {
      if (it.status === 'rejected') expect(it.reason).toMatchObject({ code: 'batch_conflict' });
    }
    await Promise.all(journals.map((journal) => journal.close()));
  });

  it('S1: begins again where a crash cut off its very first line', async () => {
    const out = await newFolder();
    await mkdir(out);
    await appendFile(journalPath(out), '{"batch":"spr');
    expect(await readJournal(out)).toBeNull();
    const journal = await Journal.open(out, header);
    await journal.note({ brief: 'a', attempt: 1, sentAt: 10 });
    await journal.close();
    expect(await readJournal(out)).toMatchObject({ header });
    expect(await sends(out)).toEqual({ a: { attempt: 1, sentAt: 10 } });
  });

  it('refuses a file that is no journal', async () => {
    const out = await newFolder();
    await mkdir(out);
    await appendFile(journalPath(out), '{"brief":"a","attempt":1,"sentAt":1}\n');
    await expect(readJournal(out)).rejects.toMatchObject({ code: 'batch_conflict' });
  });

  it('S8: holds no key', async () => {
    const out = await newFolder();
    const secret = { ...header, apiKey: 'rvya_sk_secret' };
    await (await Journal.open(out, secret)).close();
    expect(await readFile(journalPath(out), 'utf8')).not.toContain('rvya_sk_secret');
  });
});
