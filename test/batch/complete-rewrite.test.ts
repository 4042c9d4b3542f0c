import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { finalizeBatch } from '../../src/batch/end-batch.js';
import { ManifestWriter } from '../../src/batch/manifest-writer.js';
import { completeRewrite, type Rewriting } from '../../src/batch/rewrite-manifest.js';
import type { OutboxLedger } from '../../src/ledger/batch-ledger.js';
import { Killed, killedAt, type Moment } from '../worker/killed-at.js';
import { expectRewritten, type OpenRewrite, openRewrite } from './open-rewrite.js';

/** Runs a process that is killed at its nth call to Redis; false when it made fewer. */
async function runKilled(opened: OpenRewrite, nth: number, moment: Moment): Promise<boolean> {
  const counter = { left: nth };
  const { rewrite, queues, out } = opened.reopener;
  const doomed: Rewriting = {
    rewrite: killedAt(rewrite, counter, moment),
    queues: killedAt(queues, counter, moment),
    out,
  };
  try {
    await completeRewrite(doomed);
    return counter.left <= 0;
  } catch (error) {
    if (error instanceof Killed) return true;
    throw error;
  }
}

const complete = (opened: OpenRewrite) => completeRewrite(opened.reopener);

describe('completeRewrite', () => {
  it('S4: moves the planned lines to the history and opens their briefs', async () => {
    const opened = await openRewrite();
    expect(await complete(opened)).toEqual({ kind: 'none' });
    const { groups } = await opened.begin();
    expect(groups).toEqual([
      { status: 'failed', way: 'new_attempt', count: 2, credits: 6, guessed: 2 },
      { status: 'unknown', way: 'reread', count: 1, credits: 0, guessed: 0 },
    ]);
    expect(await complete(opened)).toEqual({ kind: 'done' });
    await expectRewritten(opened);
    expect(await complete(opened)).toEqual({ kind: 'none' });
  });

  for (const moment of ['before', 'after'] as const) {
    it(`S4: killed ${moment} any of its calls to Redis, the next one completes it`, async () => {
      for (let nth = 1; ; nth += 1) {
        const opened = await openRewrite();
        await opened.begin();
        if (!(await runKilled(opened, nth, moment))) {
          expect(nth).toBeGreaterThan(8);
          return;
        }
        // What a killed process leaves lying about.
        const leftOver = join(opened.out, '.rewrite-dead');
        await mkdir(leftOver);
        await writeFile(join(leftOver, 'manifest.jsonl'), 'half a li');
        await opened.expireHold();
        expect((await complete(opened)).kind).not.toBe('busy');
        await rm(leftOver, { recursive: true, force: true });
        await expectRewritten(opened);
      }
    });
  }

  it('S4: lines that come to their end meanwhile are written once, wherever it was killed', async () => {
    for (let nth = 1; ; nth += 1) {
      const opened = await openRewrite();
      await opened.begin();
      const killed = await runKilled(opened, nth, 'before');
      await opened.finish('late');
      await opened.flush();
      await opened.expireHold();
      await complete(opened);
      await opened.flush();
      const { a, e, late } = opened.lines;
      expect(await opened.file('manifest.jsonl')).toBe(`${a}\n${e}\n${late}\n`);
      expect(await opened.ledger.outbox.length()).toBe(0);
      if (!killed) return;
    }
  });

  it('S4: killed between the two renames, it loses no line and has none twice', async () => {
    const opened = await openRewrite();
    await opened.begin();
    const { b, c, d } = opened.lines;
    const history = `${opened.oldHistory}${b}\n${c}\n${d}\n`;
    await writeFile(join(opened.out, 'history.jsonl'), history);
    await complete(opened);
    await expectRewritten(opened);
  });

  it('leaves out what a writer had put behind the marked lines, and writes it anew', async () => {
    const opened = await openRewrite();
    await opened.finish('late');
    // Killed between writing and marking.
    const value = () => Promise.reject(new Killed());
    const dying = Object.create(opened.ledger.outbox, { markWritten: { value } }) as OutboxLedger;
    await expect(new ManifestWriter(dying, opened.out).flush()).rejects.toThrow(Killed);
    expect(await opened.file('manifest.jsonl')).toContain(opened.lines.late);
    const place = await opened.rewrite.place();
    const plan = {
      generation: place.generation,
      historyBytes: 0,
      cancellation: 'keep',
      unwritten: 'allowed',
      run: null,
    } as const;
    await opened.rewrite.addToDraft('draft', new Map([['b', await entryOf(opened, 'b')]]));
    expect(await opened.rewrite.begin('draft', plan)).toBe('begun');
    await complete(opened);
    await opened.flush();
    const { a, c, d, e, late } = opened.lines;
    expect(await opened.file('manifest.jsonl')).toBe(`${[a, c, d, e, late].join('\n')}\n`);
  });

  it('S4: no closing files are written while it is under way', async () => {
    const opened = await openRewrite();
    const { ledger, out } = opened;
    await opened.finish('late');
    await opened.flush();
    await ledger.markAdmission('complete');
    const clock = { now: () => 0 };
    expect(await finalizeBatch({ ledger, out, clock })).toBe('finalized');
    await opened.begin();
    expect(await finalizeBatch({ ledger, out, clock })).toBe('not_yet');
    await complete(opened);
    expect(await finalizeBatch({ ledger, out, clock })).toBe('not_yet');
  });
});

async function entryOf({ ledger }: OpenRewrite, id: string) {
  const read = await ledger.briefs.read(id);
  if (!read) throw new Error(`${id} is not there`);
  const to = `admitted|2|ab|{"seq":${read.state.seq},"admittedAt":1,"sends":0,"refusalId":null}`;
  const base = { status: 'failed', stage: 'submit', attempt: 2, checks: 0 } as const;
  return { ...base, from: read.text, to };
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

  for (const [what, nth] of [
    ['before it has written anything', 1],
    ['while it writes', 2],
    ['right before its renames', 3],
  ] as const) {
    it(`S4: a rewriter that stops ${what} harms nothing that came after it`, async () => {
      const opened = await openRewrite();
      await opened.begin();
      const { proxy, asleep, wake } = frozenAt(opened.rewrite, 'hold', nth);
      const frozen = completeRewrite({ ...opened.reopener, rewrite: proxy });
      await asleep;
      expect(await complete(opened)).toMatchObject({ kind: 'busy' });
      await opened.expireHold();
      expect(await complete(opened)).toEqual({ kind: 'done' });
      await expectRewritten(opened);
      await opened.finish('late');
      await opened.flush();
      const before = [await opened.file('manifest.jsonl'), await opened.file('history.jsonl')];
      wake();
      expect(await frozen).toEqual({ kind: 'busy', waitMs: 0 });
      expect([await opened.file('manifest.jsonl'), await opened.file('history.jsonl')]).toEqual(
        before,
      );
      expect(before[0]).toContain(opened.lines.late);
      expect(await opened.ledger.meta()).toMatchObject({ rewriting: false, pending: 3 });
    });
  }

  for (const method of ['generation', 'read'] as const) {
    it(`S4: a writer that stops at ${method} loses no line and writes none twice`, async () => {
      const opened = await openRewrite();
      await opened.finish('late');
      const { proxy, asleep, wake } = frozenAt(opened.ledger.outbox, method, 1);
      const frozen = new ManifestWriter(proxy, opened.out).flush();
      await asleep;
      await opened.begin();
      await complete(opened);
      wake();
      await frozen;
      await opened.flush();
      const { a, e, late } = opened.lines;
      expect(await opened.file('manifest.jsonl')).toBe(`${a}\n${e}\n${late}\n`);
    });
  }

  it('S4: a writer that opened the old file during the rewrite writes to the new one', async () => {
    const opened = await openRewrite();
    await opened.begin();
    const { proxy, asleep, wake } = frozenAt(opened.ledger.outbox, 'generation', 1);
    const frozen = new ManifestWriter(proxy, opened.out).flush();
    await asleep;
    await opened.finish('late');
    await complete(opened);
    wake();
    await frozen;
    const { a, e, late } = opened.lines;
    expect(await opened.file('manifest.jsonl')).toBe(`${a}\n${e}\n${late}\n`);
  });
});
