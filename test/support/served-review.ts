import { setTimeout as sleep } from 'node:timers/promises';
import type { Decision } from '../../src/results/decisions.js';
import { ask } from './ask.js';
import { type Running, startProcess } from './running.js';

const bundled = new URL('../../dist/bin/rivya-batch.js', import.meta.url).pathname;

/** A command that needs no API and no Redis. */
export function startCommand(parameters: string[], folder: string): Running {
  const environment = { PATH: process.env.PATH ?? '', HOME: folder };
  return startProcess([bundled, ...parameters], { input: '', folder, environment });
}

/** What `POST ./decisions` answers. */
interface Answered {
  status: number;
  body: unknown;
}

/** A review page that is being served. */
export interface ServedReview {
  origin: string;
  /** With the token that lets its reader in. */
  address: string;
  /** As the page sends them: the server knows what time it is. */
  decide(decisions: readonly Omit<Decision, 'at'>[]): Promise<Answered>;
  /** Resolves with the exit code. */
  close(): Promise<number | null>;
}

/** @param running `review DIR --port 0`, that was just started */
export async function servedBy(running: Running): Promise<ServedReview> {
  const found = () => /http:\/\/\S+\?token=(\S+)/.exec(running.output());
  while (found() === null && !running.hasEnded()) await sleep(20);
  const [address, token] = found() ?? [];
  if (address === undefined) throw new Error(`no address in: ${running.output()}`);
  const { origin } = new URL(address);
  return {
    origin,
    address,
    async decide(decisions) {
      const { status, text } = await ask(origin, '/decisions', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, origin, 'content-type': 'application/json' },
        body: JSON.stringify({ decisions }),
      });
      return { status, body: status === 200 ? JSON.parse(text) : text };
    },
    async close() {
      running.kill('SIGTERM');
      return (await running.finished).code;
    },
  };
}
