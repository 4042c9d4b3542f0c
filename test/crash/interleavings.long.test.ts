import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { Journal, readJournal } from '../../src/results/journal.js';
import { auditRun } from '../support/audit-run.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment, held, release } from '../support/crash-points.js';

/** Each test tells one interleaving that was found to do harm; none may do harm again. */
const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
const auditOf = (desk: Desk, briefs: number) =>
  auditRun(desk, { out: 'out', batch: 'out', briefs });

describe.concurrent('paid work', () => {
  test('a crash between counting a re-read and using its links does not lose the result (S3)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ faults: ['expire-first-url'] });
    await desk.write('in.csv', productsCsv(1));
    const point = 'after redis rivya:move < BriefLedger.set < BriefLedger.move < rereadTask*';
    const killed = await desk.run(run, { environment: crashEnvironment(desk, { point }) });
    expect(killed.signal).toBe('SIGKILL');
    expect((await desk.run(run)).code).toBe(0);
    expect(await auditOf(desk, 1)).toEqual([]);
  });

  test('a send that goes on after a crash is in the journal before it leaves (S1)', async ({
    openDesk,
  }) => {
    // What came as an answer would be in the journal too, and the task would be looked at again.
    const desk = await openDesk({
      redis: 'private',
      durationMs: 600_000,
      keyLifetimeMs: 3_000,
      faults: ['lose-answer-after-accept:1x'],
    });
    await desk.write('in.csv', productsCsv(1));
    const keyLife = ['--key-life', String(3 / 3_600)];
    const point = 'after redis rivya:begin-submit submit < BriefLedger.beginSubmit*';
    const killed = await desk.run(run, { environment: crashEnvironment(desk, { point }) });
    expect(killed.signal).toBe('SIGKILL');
    const sent = desk.start(run);
    await desk.tasksMade(1);
    sent.kill('SIGKILL');
    await sent.finished;
    await desk.losePrivateRedis();
    // The API forgets the key meanwhile: whoever sends now pays again.
    await sleep(3_500);
    expect((await desk.run([...run, ...keyLife])).code).toBe(3);
    expect(await desk.lines('out')).toMatchObject([{ status: 'unknown' }]);
    expect(desk.simulator.bill().total.tasks).toBe(1);
  });
});

describe.concurrent('one line each', () => {
  /** A million rows are admitted for minutes, while the first results are long there. */
  const longAdmission = 'before redis rivya:mark-admission < BatchLedger.markAdmission < admitAll*';

  test('a crash between writing and marking, while rows are still admitted, repeats no line (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    const point = 'after file sync manifest.jsonl*';
    const environment = crashEnvironment(desk, { point, hold: longAdmission });
    expect((await desk.run(run, { environment })).signal).toBe('SIGKILL');
    expect((await desk.run(run)).code).toBe(0);
    expect(await auditOf(desk, 2)).toEqual([]);
  });

  test('a second run that joins while rows are still admitted repeats no line (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    const hold = `${longAdmission}|after file write manifest.jsonl*`;
    const first = desk.start(run, crashEnvironment(desk, { hold }));
    await held(desk, [first], 2);
    const second = desk.start(run);
    while (!/audit|briefs done/i.test(second.output())) await sleep(20);
    await release(desk);
    const ends = await Promise.all([first.finished, second.finished]);
    expect(ends.map((end) => end.code)).toEqual([0, 0]);
    expect(await auditOf(desk, 2)).toEqual([]);
  });

  test('a run that is closing does not close a batch to which another adds rows (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    const hold =
      'before redis rivya:announce < MessageLedger.announce < BatchLedger.markFinalized*';
    const first = desk.start([...run, '--limit', '1'], crashEnvironment(desk, { hold }));
    await held(desk, [first]);
    desk.simulator.control({ durationMs: 60_000 });
    const second = desk.start(run);
    await desk.tasksMade(2);
    await release(desk);
    expect((await first.finished).code).toBe(0);
    const { code, stdout } = await second.finished;
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(await auditOf(desk, 2)).toEqual([]);
  });
});

describe.concurrent('the journal', () => {
  test('two runs that begin at once leave a batch that can be run again (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    // The first thing that either of them writes: which batch the folder is of.
    const hold = 'before file appendFile journal.jsonl*';
    const runs = [1, 2].map(() => desk.start(run, crashEnvironment(desk, { hold })));
    await held(desk, runs, 2);
    await release(desk);
    const ends = await Promise.all(runs.map((running) => running.finished));
    expect(ends.map((end) => end.code)).toEqual([0, 0]);
    const again = await desk.run(run);
    expect(again).toMatchObject({ code: 0 });
    expect(await auditOf(desk, 2)).toEqual([]);
  });

  test('an entry that was cut off by a full disk does not spoil the next one (S1)', async () => {
    const out = await mkdtemp(join(tmpdir(), 'rivya-batch-journal-'));
    try {
      const life = { nonce: '', createdAt: 1, requestIds: 'given' } as const;
      const header = { batch: 'b', origin: 'o', account: 'a', ...life };
      await (await Journal.open(out, header)).close();
      await appendFile(join(out, 'journal.jsonl'), '{"brief":"cut o');
      const journal = await Journal.open(out, header);
      await journal.note({ brief: 'next', attempt: 1, sentAt: 2 });
      await journal.close();
      expect((await readJournal(out))?.sends).toEqual(
        new Map([['next', { attempt: 1, sentAt: 2 }]]),
      );
    } finally {
      await rm(out, { recursive: true });
    }
  });
});
