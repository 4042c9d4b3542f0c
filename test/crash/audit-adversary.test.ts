import { describe, expect, test } from 'vitest';

interface Task {
  id: string;
  key: string;
  prompt: string;
  brief: string;
}

interface Line {
  brief_id: string;
  status: string;
  task_id: string | null;
}

interface Audit {
  paidTwice(tasks: Task[]): string[];
  lostTasks(tasks: Task[], lines: Line[]): string[];
}

const script = new URL('../../scripts/chaos/audit-adversary.mjs', import.meta.url).href;
const { paidTwice, lostTasks } = (await import(script)) as Audit;

const task = (id: string, prompt: string, key = `key of ${prompt}`): Task => ({
  id,
  key,
  prompt,
  brief: prompt.replace(/ .*/, ''),
});
const line = (brief_id: string, status: string, task_id: string | null): Line => ({
  brief_id,
  status,
  task_id,
});

describe('the audit of the adversary', () => {
  test('one content is paid once, under whichever key; an edited one is another (S1)', () => {
    expect(paidTwice([task('t1', 'a'), task('t2', 'a edited')])).toEqual([]);
    expect(paidTwice([task('t1', 'a'), task('t2', 'a')])).toHaveLength(1);
    expect(paidTwice([task('t1', 'a'), task('t2', 'a', 'another key')])).toHaveLength(1);
  });

  test('each paid task has its line, or one that says unknown for it (S3, S4)', () => {
    const tasks = [task('t1', 'a'), task('t2', 'a edited'), task('t3', 'b')];
    const lined = [line('a', 'succeeded', 't1'), line('b', 'failed', 't3')];
    expect(lostTasks(tasks, [...lined, line('a', 'succeeded', 't2')])).toEqual([]);
    expect(lostTasks(tasks, [...lined, line('a', 'unknown', null)])).toEqual([]);
    expect(lostTasks(tasks, [...lined, line('c', 'unknown', null)])).toEqual([
      'lost: t2 of a ("a edited") is in no line',
    ]);
    expect(lostTasks(tasks, lined.slice(1))).toHaveLength(2);
  });
});
