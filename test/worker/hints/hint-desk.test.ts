import { describe, expect, it, onTestFinished } from 'vitest';
import type { TaskBrief } from '../../../src/ledger/account-ledger.js';
import { type Hastened, HintDesk } from '../../../src/worker/hints/hint-desk.js';
import type { EventRead } from '../../../src/worker/hints/read-hint.js';
import { log } from '../stages/stage-bench.js';

const hint = (taskId: string, event: string | null = null): EventRead => ({
  kind: 'hint',
  event,
  taskId,
});

/** A desk on a clock that is set; its own timer may come as well, and changes nothing. */
function openDesk(answer: (taskId: string) => Hastened = () => 'hastened') {
  const known = new Map<string, TaskBrief>();
  const asked: string[][] = [];
  const hastened: string[] = [];
  let nowMs = 0;
  const desk = new HintDesk({
    briefsOf: async (ids) => {
      asked.push([...ids]);
      return ids.map((id) => known.get(id) ?? null);
    },
    hasten: async (_brief, taskId) => {
      hastened.push(taskId);
      return answer(taskId);
    },
    log,
    elapsedMs: () => nowMs,
  });
  onTestFinished(() => desk.close());
  const know = (...ids: string[]) => {
    for (const id of ids) known.set(id, { batch: 'spring', briefId: `brief of ${id}` });
  };
  /** Looks as often as in so many ms of its own. */
  const pass = async (ms: number) => {
    for (const untilMs = nowMs + ms; nowMs < untilMs; nowMs += 10) await desk.look();
  };
  return { desk, know, pass, asked, hastened };
}

describe('a hint', () => {
  it('lets the task be looked at, together with those of the same moment in one question', async () => {
    const { desk, know, pass, asked, hastened } = openDesk();
    know('task_1', 'task_2');
    desk.take(hint('task_1', 'evt_1'));
    desk.take(hint('task_2', 'evt_2'));
    await pass(100);
    expect(hastened).toEqual(['task_1', 'task_2']);
    expect(asked).toEqual([['task_1', 'task_2']]);
    expect(desk.held).toBe(4);
  });

  it('that is repeated does nothing', async () => {
    const { desk, know, pass, hastened } = openDesk();
    know('task_1');
    for (let copy = 0; copy < 50; copy += 1) {
      desk.take(hint('task_1', 'evt_1'));
      await pass(200);
    }
    expect(hastened).toEqual(['task_1']);
  });

  it('S7: forged again and again lets a task be looked at once in 5 s, whatever its events are called', async () => {
    const { desk, know, pass, hastened } = openDesk();
    know('task_1');
    for (let forged = 0; forged < 1_000; forged += 1) {
      desk.take(hint('task_1', `evt_${forged}`));
      desk.take(hint('task_1'));
      await pass(20);
    }
    // For 20 s.
    expect(hastened.length).toBeLessThanOrEqual(5);
    expect(hastened.length).toBeGreaterThanOrEqual(4);
  });

  it('waits for its task where that is not known yet, and is followed when it is', async () => {
    const { desk, know, pass, asked, hastened } = openDesk();
    desk.take(hint('task_1', 'evt_1'));
    await pass(3_000);
    expect(hastened).toEqual([]);
    know('task_1');
    await pass(4_000);
    expect(hastened).toEqual(['task_1']);
    expect(asked.length).toBeLessThan(8);
  });

  it('for a task of nobody is asked about less and less, and forgotten after a minute', async () => {
    const { desk, pass, asked, hastened } = openDesk();
    desk.take(hint('task_1'));
    await pass(200_000);
    expect(hastened).toEqual([]);
    expect(asked.length).toBeLessThan(12);
    expect(desk.held).toBe(0);
  });

  it('comes again where a check was under way that may have been sent before the end', async () => {
    const answers: Hastened[] = ['in_hand', 'in_hand', 'hastened'];
    const { desk, know, pass, hastened } = openDesk(() => answers.shift() ?? 'over');
    know('task_1');
    desk.take(hint('task_1'));
    await pass(2_000);
    expect(hastened).toHaveLength(3);
    await pass(60_000);
    expect(hastened).toHaveLength(3);
  });
});

it('memory is bounded, whatever comes, and the newest hints are followed all the same', async () => {
  const { desk, know, pass, asked, hastened } = openDesk();
  for (let forged = 0; forged < 50_000; forged += 1) {
    desk.take(hint(`task_${forged}`, `evt_${forged}`));
  }
  desk.take({ kind: 'unreadable' });
  know('task_true');
  desk.take(hint('task_true', 'evt_true'));
  expect(desk.held).toBeLessThanOrEqual(12_000);
  await pass(1_000);
  expect(hastened).toEqual(['task_true']);
  expect(Math.max(...asked.map((ids) => ids.length))).toBeLessThanOrEqual(500);
  await pass(120_000);
  expect(desk.held).toBeLessThanOrEqual(10_001);
});

it('where Redis cannot be asked, hints wait, and are given up in the end', async () => {
  let nowMs = 0;
  let calls = 0;
  const desk = new HintDesk({
    briefsOf: async () => {
      calls += 1;
      throw new Error('no Redis');
    },
    hasten: async () => 'hastened',
    log,
    elapsedMs: () => nowMs,
  });
  onTestFinished(() => desk.close());
  desk.take(hint('task_1'));
  for (; nowMs < 200_000; nowMs += 100) await desk.look();
  expect(calls).toBeLessThan(12);
  expect(desk.held).toBe(0);
});
