import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { adoptFolder, adoptUnderWay } from '../../src/batch/adopt-folder.js';
import { finalizeBatch } from '../../src/batch/end-batch.js';
import { ManifestWriter } from '../../src/batch/manifest-writer.js';
import { type Reopener, reopenOverdue, reopenSurveyed } from '../../src/batch/reopen.js';
import { readJournal } from '../../src/results/journal.js';
import { identity } from '../support/ledger.js';
import { Killed, killedAt, type Moment } from '../worker/killed-at.js';
import {
  expectReopened,
  type Finished,
  lineKinds,
  openFinished,
  withParts,
} from './finished-batch.js';

/** Runs a process that is killed at its nth call to Redis; false when it made fewer. */
async function runKilled(opened: Finished, nth: number, moment: Moment): Promise<boolean> {
  const counter = { left: nth };
  const { reopened, outbox, briefs } = opened.ledger;
  const doomed = withParts(opened.reopener, {
    reopened: killedAt(reopened, counter, moment),
    outbox: killedAt(outbox, counter, moment),
    briefs: killedAt(briefs, counter, moment),
    queues: killedAt(opened.queues, counter, moment),
  });
  const survey = await opened.survey();
  try {
    await reopenSurveyed(doomed, survey);
    return counter.left <= 0;
  } catch (error) {
    if (error instanceof Killed) return true;
    throw error;
  }
}

const retry = async (opened: Finished) => reopenSurveyed(opened.reopener, await opened.survey());

describe('reopening', () => {
  it('S4: opens what was found, and the lines leave the manifest', async () => {
    const opened = await openFinished();
    const survey = await opened.survey();
    expect(survey.groups).toEqual([
      {
        status: 'failed',
        way: 'new_attempt',
        count: 2,
        credits: 6,
        guessed: 2,
        reworded: 0,
        following: 0,
      },
      {
        status: 'unknown',
        way: 'reread',
        count: 1,
        credits: 0,
        guessed: 0,
        reworded: 0,
        following: 0,
      },
    ]);
    expect(await reopenSurveyed(opened.reopener, survey)).toBe(3);
    await expectReopened(opened);
    expect(await reopenSurveyed(opened.reopener, survey)).toBe(0);
    expect((await opened.survey()).groups).toEqual([]);
    await expectReopened(opened);
  });

  it('S1: with nothing to open, the folder is no later than the ledger', async () => {
    const opened = await openFinished();
    expect(await reopenOverdue(opened.reopener)).toBe(1);
    expect(await reopenOverdue(opened.reopener)).toBe(0);
    expect(await adoptFolder(opened.reopener)).toMatchObject({ kind: 'adopted' });
  });

  for (const moment of ['before', 'after'] as const) {
    it(`S1, S4: killed ${moment} any of its calls to Redis, the next one completes it`, async () => {
      for (let nth = 1; ; nth += 1) {
        const opened = await openFinished();
        const killed = await runKilled(opened, nth, moment);
        // What a killed process leaves lying about.
        const leftOver = join(opened.out, '.rewrite-dead');
        await mkdir(leftOver);
        await writeFile(join(leftOver, 'manifest.jsonl'), 'half a li');
        await opened.expireHold();
        await retry(opened);
        await rm(leftOver, { recursive: true, force: true });
        await expectReopened(opened);
        if (killed) continue;
        expect(nth).toBeGreaterThan(15);
        return;
      }
    });
  }

  it('S4: whoever writes lines next settles what was opened, and writes each once, wherever it was killed', async () => {
    for (let nth = 1; ; nth += 1) {
      const opened = await openFinished();
      const killed = await runKilled(opened, nth, 'before');
      await opened.finish('late');
      await opened.expireHold();
      await opened.flush();
      const { a, b, c, d, e, late } = opened.lines;
      // All of one chunk is opened in one step.
      const begun = (await opened.stateOf('b'))?.stage === 'admitted';
      const kept = begun ? [a, e, late] : [a, b, c, d, e, late];
      expect(await opened.file('manifest.jsonl')).toBe(`${kept.join('\n')}\n`);
      expect(await opened.jobs('submit')).toEqual(begun ? ['b 2', 'd 2'] : []);
      expect(await opened.ledger.outbox.length()).toBe(0);
      if (!killed) return;
    }
  });

  it('S4: killed between the two renames, it loses no line and has none twice', async () => {
    const opened = await openFinished();
    const { b, c, d } = opened.lines;
    await openOnly(opened);
    await writeFile(join(opened.out, 'history.jsonl'), `${opened.oldHistory}${b}\n${c}\n${d}\n`);
    await opened.flush();
    await expectReopened(opened);
  });

  it('leaves out what a writer had put behind the marked lines, and writes it again', async () => {
    const opened = await openFinished();
    await opened.finish('late');
    // Killed between writing and marking.
    const value = () => Promise.reject(new Killed());
    const outbox = Object.create(opened.ledger.outbox, { markWritten: { value } });
    const dying = new ManifestWriter(withParts(opened.reopener, { outbox }));
    await expect(dying.flush()).rejects.toThrow(Killed);
    expect(await opened.file('manifest.jsonl')).toContain(opened.lines.late);
    await openOnly(opened);
    await opened.flush();
    const { a, e, late } = opened.lines;
    expect(await opened.file('manifest.jsonl')).toBe(`${[a, e, late].join('\n')}\n`);
  });

  it('S3, S4: a task that is looked at in vain once more has one line each time', async () => {
    const opened = await openFinished();
    const seen: (string | undefined)[] = [];
    for (const times of [1, 2]) {
      seen.push(opened.lines.c);
      expect(await reopenOverdue(opened.reopener)).toBe(1);
      expect(await opened.stateOf('c')).toMatchObject({ stage: 'accepted', attempt: 1 });
      await opened.finish('c', { ...lineKinds.c, urls: [`https://media.test/look-${times}.png`] });
      expect(await opened.ledger.outbox.length()).toBe(1);
      if (times === 1) continue;
      await opened.flush();
      const { a, b, c, d, e } = opened.lines;
      expect(await opened.file('manifest.jsonl')).toBe(`${[a, b, d, e, c].join('\n')}\n`);
      expect(await opened.file('history.jsonl')).toBe(`${opened.oldHistory}${seen.join('\n')}\n`);
    }
    expect(await reopenOverdue(opened.reopener)).toBe(1);
    expect((await opened.ledger.meta())?.requests.statusChecks).toBe(8);
  });

  it('S4: no closing files are written while it is under way', async () => {
    const opened = await openFinished();
    const { ledger, out } = opened;
    await opened.finish('late');
    await opened.flush();
    await ledger.markAdmission('complete');
    const clock = { now: () => 0 };
    expect(await finalizeBatch(ledger, out, clock)).toBe('finalized');
    await openOnly(opened);
    expect(await finalizeBatch(ledger, out, clock)).toBe('not_yet');
    await opened.flush();
    expect(await finalizeBatch(ledger, out, clock)).toBe('not_yet');
  });

  it('S1: what is not as it was surveyed stays as it is', async () => {
    const opened = await openFinished();
    const survey = await opened.survey();
    // Somebody else looked at the task meanwhile: to make it anew would be paid.
    await reopenOverdue(opened.reopener);
    await opened.finish('c', { status: 'failed', assets: [] });
    expect(await reopenSurveyed(opened.reopener, survey)).toBe(2);
    expect(await opened.stateOf('c')).toMatchObject({ stage: 'lined', status: 'failed' });
  });
});

/** Opened, and killed before anything shows in the folder. */
async function openOnly(opened: Finished): Promise<void> {
  const survey = await opened.survey();
  const all = () => {
    throw new Killed();
  };
  const reopened = Object.create(opened.ledger.reopened, { all: { value: all } });
  await expect(reopenSurveyed(withParts(opened.reopener, { reopened }), survey)).rejects.toThrow(
    Killed,
  );
  expect(await opened.ledger.reopened.any()).toBe(true);
  await opened.expireHold();
}

class Signal {
  give: () => void = () => undefined;
  readonly given = new Promise<void>((resolve) => {
    this.give = resolve;
  });
}

describe('one who is frozen and wakes up late', () => {
  /** Stops at the nth call of a method, after its answer came, until it is woken. */
  function frozenAt<T extends object>(target: T, method: keyof T & string, nth: number) {
    let calls = 0;
    const gate = new Signal();
    const asleep = new Signal();
    const proxy = new Proxy(target, {
      get(_target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== 'function') return member;
        if (name !== method) return member.bind(target);
        return async (...values: unknown[]) => {
          const answer = await (member.apply(target, values) as Promise<unknown>);
          calls += 1;
          if (calls !== nth) return answer;
          asleep.give();
          await gate.given;
          return answer;
        };
      },
    });
    return { proxy, asleep: asleep.given, wake: gate.give };
  }

  for (const [what, method, nth] of [
    ['before it has opened anything', 'hold', 1],
    ['when its briefs are open', 'open', 1],
    ['while it writes', 'hold', 2],
    ['right before its renames', 'hold', 3],
    ['when jobs are added', 'hold', 4],
  ] as const) {
    it(`S4: one who stops ${what} harms nothing that came after it`, async () => {
      const opened = await openFinished();
      const survey = await opened.survey();
      const { proxy, asleep, wake } = frozenAt(opened.ledger.reopened, method, nth);
      const frozen = reopenSurveyed(withParts(opened.reopener, { reopened: proxy }), survey);
      await asleep;
      await opened.expireHold();
      await retry(opened);
      await expectReopened(opened);
      await opened.finish('late');
      await opened.flush();
      const before = [await opened.file('manifest.jsonl'), await opened.file('history.jsonl')];
      wake();
      expect(await frozen).toBe(method === 'hold' && nth === 1 ? 0 : 3);
      expect([await opened.file('manifest.jsonl'), await opened.file('history.jsonl')]).toEqual(
        before,
      );
      expect(before[0]).toContain(opened.lines.late);
      expect(await opened.ledger.meta()).toMatchObject({ pending: 3 });
      expect(await opened.jobs('submit')).toEqual(['b 2', 'd 2']);
    });
  }

  for (const method of ['generation', 'read'] as const) {
    it(`S4: a writer that stops at ${method} loses no line and writes none twice`, async () => {
      const opened = await openFinished();
      await opened.finish('late');
      const { proxy, asleep, wake } = frozenAt(opened.ledger.outbox, method, 1);
      const frozen = new ManifestWriter(withParts(opened.reopener, { outbox: proxy })).flush();
      await asleep;
      await retry(opened);
      wake();
      await frozen;
      await opened.flush();
      const { a, e, late } = opened.lines;
      expect(await opened.file('manifest.jsonl')).toBe(`${a}\n${e}\n${late}\n`);
    });
  }

  it('S4: a writer that opened the old file meanwhile writes to the new one', async () => {
    const opened = await openFinished();
    await openOnly(opened);
    const { proxy, asleep, wake } = frozenAt(opened.ledger.outbox, 'generation', 1);
    const frozen = new ManifestWriter(withParts(opened.reopener, { outbox: proxy })).flush();
    await asleep;
    await opened.finish('late');
    await opened.flush();
    wake();
    await frozen;
    const { a, e, late } = opened.lines;
    expect(await opened.file('manifest.jsonl')).toBe(`${a}\n${e}\n${late}\n`);
  });
});

/** All that Redis holds of a test, to be put back. */
async function snapshot({ redis, prefix }: Finished): Promise<() => Promise<void>> {
  const keys = await redis.keys(`${prefix}*`);
  const kept = await Promise.all(
    keys.map(async (key) => [key, await redis.dumpBuffer(key)] as const),
  );
  return async () => {
    const now = await redis.keys(`${prefix}*`);
    if (now.length > 0) await redis.del(...now);
    for (const [key, value] of kept) if (value !== null) await redis.restore(key, 0, value);
  };
}

/** The same batch, where something happens before the nth call to the ledger of reopened briefs. */
function withCalls(reopener: Reopener, onCall: () => Promise<void>): Reopener {
  const { reopened } = reopener.ledger;
  const proxy = new Proxy(reopened, {
    get(_target, name) {
      const member = Reflect.get(reopened, name) as unknown;
      if (typeof member !== 'function' || name === 'all') return member;
      return async (...values: unknown[]) => {
        await onCall();
        return member.apply(reopened, values) as unknown;
      };
    },
  });
  return withParts(reopener, { reopened: proxy });
}

describe('Redis, lost or gone back to any point of a retry', () => {
  it('S1: lost: a brief whose line is gone is never made under its earlier attempt', async () => {
    for (let nth = 1; ; nth += 1) {
      const opened = await openFinished();
      const { ledger, out, queues, redis, prefix } = opened;
      const killed = await runKilled(opened, nth, 'before');
      await redis.del(...(await redis.keys(`${prefix}*`)));
      await ledger.open({ ...identity, out });
      expect(await adoptFolder({ ledger, queues, out })).toMatchObject({ kind: 'adopted' });
      const journal = await readJournal(out);
      if (journal === null) throw new Error('it was begun');
      expect(await opened.admit('b', 'd')).toHaveLength(2);
      await adoptUnderWay({ ledger, queues, out }, journal, ['b', 'd']);
      for (const id of ['b', 'd']) {
        const state = await opened.stateOf(id);
        expect(state?.attempt).toBe(state?.stage === 'lined' ? 1 : 2);
      }
      if (!killed) return;
    }
  });

  it('S1: gone back: the folder is known to be of a later time, or shows nothing of it', async () => {
    let outdated = 0;
    for (let nth = 1; ; nth += 1) {
      const opened = await openFinished();
      let calls = 0;
      let putBack: (() => Promise<void>) | null = null;
      const watched = withCalls(opened.reopener, async () => {
        calls += 1;
        if (calls === nth) putBack = await snapshot(opened);
      });
      await reopenSurveyed(watched, await opened.survey());
      const restore = putBack as (() => Promise<void>) | null;
      if (restore === null) break;
      const isOver = (await opened.ledger.adoption.marks()).generation !== '0';
      await restore();
      const settled = (await opened.ledger.adoption.marks()).generation !== '0';
      const { ledger, queues, out } = opened;
      const adoption = await adoptFolder({ ledger, queues, out });
      expect(adoption.kind).toBe(isOver && !settled ? 'outdated' : 'adopted');
      if (adoption.kind === 'outdated') outdated += 1;
    }
    expect(outdated).toBeGreaterThan(5);
  });

  it('is compared with what an earlier version left half-way by that version alone', async () => {
    const { redis, ledger, queues, out } = await openFinished();
    for (const rewriting of ['planned', 'applying']) {
      await redis.hset(ledger.keys.meta, { rewriting });
      await expect(adoptFolder({ ledger, queues, out })).rejects.toThrow(
        /retry of batch spring was cut off in an earlier version.*with that version/,
      );
    }
    expect(await readFile(join(out, 'journal.jsonl'), 'utf8')).not.toContain('manifest');
  });
});
