import { onTestFinished } from 'vitest';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/start-simulator.js';

export const apiKey = 'rvya_sk_test_0123456789abcdef';

/** A clock that moves only when told. */
class ManualClock {
  #now = Date.parse('2026-06-01T12:00:00.000Z');

  now(): number {
    return this.#now;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test names the fields that it expects.
  body: any;
}

/** A simulator of this test alone, with the few calls that tests make of it. */
export async function withSimulator(options: SimulatorOptions = {}) {
  const clock = new ManualClock();
  const simulator = await startSimulator({ clock, ...options });
  onTestFinished(() => simulator.close());
  const send = (path: string, init: RequestInit = {}) => call(simulator, path, init);
  const submit = (body: unknown, headers: Record<string, string> = {}) =>
    send('/api/v1/generations', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const read = (taskId: string) => send(`/api/v1/generations/${taskId}`);
  const control = (patch: unknown) =>
    send('/simulator/control', { method: 'POST', body: JSON.stringify(patch) });
  return { simulator, clock, send, submit, read, control };
}

async function call(simulator: Simulator, path: string, init: RequestInit): Promise<Reply> {
  const headers = { authorization: `Bearer ${apiKey}`, ...(init.headers as object) };
  const response = await fetch(new URL(path, simulator.origin), { ...init, headers });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  const body = isJson ? JSON.parse(text) : null;
  return { status: response.status, headers: response.headers, text, body };
}

export const fox = { model: 'z-image', prompt: 'A fox in the snow' };
