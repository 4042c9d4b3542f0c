import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Deadline } from '../../src/rivya/request.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('aborts when its time is over, and starts again when armed again', () => {
  const deadline = new Deadline();
  deadline.arm(100);
  vi.advanceTimersByTime(99);
  deadline.arm(100);
  vi.advanceTimersByTime(99);
  expect(deadline.signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(deadline.signal.reason).toMatchObject({ code: 'ERR_RIVYA_DEADLINE' });
});

it('stands still while disarmed', () => {
  const deadline = new Deadline();
  deadline.arm(100);
  deadline.disarm();
  vi.advanceTimersByTime(1000);
  expect(deadline.signal.aborted).toBe(false);
});

it('follows its parent and leaves nothing on it', () => {
  const parent = new AbortController();
  const ended = new Deadline(parent.signal);
  ended.arm(100);
  ended.end();
  expect(getEventListeners(parent.signal, 'abort')).toHaveLength(0);
  expect(vi.getTimerCount()).toBe(0);
  const deadline = new Deadline(parent.signal);
  parent.abort('stop');
  expect(deadline.signal.reason).toBe('stop');
  expect(new Deadline(parent.signal).signal.reason).toBe('stop');
});
