import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { folderOf } from '../../../src/results/output-places.js';
import type { ScheduleContext } from '../../../src/schedule/runs/context.js';
import { isThere } from '../../../src/schedule/runs/take-input.js';
import { S3Server } from '../../support/s3-server.js';
import { openScheduleBench, tickMs } from './schedule-bench.js';

const night = 'n/shots@2026-11-21';
const rows = (...titles: string[]) =>
  `sku,title\n${titles.map((title, at) => `${at},${title}\n`).join('')}`;

describe('a night whose place is in a bucket', () => {
  let server: S3Server;
  beforeEach(async () => {
    server = await S3Server.start('cat');
    onTestFinished(() => server.stop());
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
  });

  async function openNight() {
    const bench = await openScheduleBench({ out: 's3://cat/n' });
    /** A worker of its own disk, but for the input's. */
    const machine = async () => {
      const home = await mkdtemp(join(tmpdir(), 'rivya-batch-home-'));
      onTestFinished(() => rm(home, { recursive: true, force: true }));
      const places = { home, s3Endpoint: server.endpoint };
      const batches = { ...bench.context.batches, places };
      const settle = async (changed: Partial<ScheduleContext> = {}) => {
        for (;;) {
          const step = await bench.step(tickMs, { batches, ...changed });
          if (step.kind === 'done' || step.afterMs >= 500) return step;
        }
      };
      return { places, settle };
    };
    return { ...bench, machine };
  }

  it('S1: is begun by one machine and queued by another, of the input that the first one took', async () => {
    const { write, machine, run, batch, folder } = await openNight();
    const [first, second, third] = [await machine(), await machine(), await machine()];
    await write(rows('Fox', 'Owl'));
    const cutOff = { readModels: () => Promise.reject(new Error('killed')) };
    await first.settle(cutOff);
    expect(await run()).toMatchObject({ stage: 'starting', out: `s3://cat/${night}`, tries: 1 });
    expect(await server.keys('cat')).toEqual([`${night}/.input/1/in.csv`]);

    // From here on, neither the content of the file nor where it is decides.
    await write(rows('Hare', 'Elk', 'Bear'));
    await second.settle(cutOff);
    await rm(join(folder, 'in.csv'));
    await third.settle();
    expect(await run()).toMatchObject({ stage: 'running', batch: 'shots@2026-11-21' });
    const ledger = batch('shots@2026-11-21');
    expect(await ledger.meta()).toMatchObject({ admitted: 2, out: `s3://cat/${night}` });
    expect(await ledger.briefs.find('0')).toMatchObject({
      content: { request: { prompt: 'Photo of Fox' } },
    });
    // The copy has done its service.
    const keys = await server.keys('cat');
    expect(keys.filter((key) => key.includes('.input'))).toEqual([]);
    expect(keys).toContain(`${night}/journal.jsonl`);
    const mirror = folderOf(third.places, `s3://cat/${night}`);
    expect(await isThere(join(mirror, '.input'))).toBe(false);
  });

  it('S1: of two that take the input at once, both queue what one of them took', async () => {
    const { write, machine, batch } = await openNight();
    const [first, second] = [await machine(), await machine()];
    await write(rows('Fox'));
    let put = (): void => undefined;
    const until = new Promise<void>((resolve) => {
      put = resolve;
    });
    server.plan({ method: 'PUT', key: /\.input/, times: 1, fault: { kind: 'hold', until } });
    const slow = first.settle({ readModels: () => Promise.reject(new Error('killed')) });
    const isPut = ({ method, key }: { method: string; key: string }) =>
      method === 'PUT' && key.includes('.input');
    while (!server.seen.some(isPut)) await sleep(20);
    await write(rows('Hare'));
    const killed = { readModels: () => Promise.reject(new Error('killed')) };
    await second.settle(killed);
    put();
    await slow;
    await first.settle();
    expect(await batch('shots@2026-11-21').briefs.find('0')).toMatchObject({
      content: { request: { prompt: 'Photo of Hare' } },
    });
  });

  it('is waited for while it is out of reach, which its record says, and then made', async () => {
    const { write, machine, run, batch } = await openNight();
    const { settle } = await machine();
    await write(rows('Fox'));
    server.plan({ fault: { kind: 'answer', status: 403, code: 'ExpiredToken' } });
    for (let tries = 0; tries < 5; tries += 1) await settle();
    expect(await run()).toMatchObject({
      stage: 'starting',
      trouble: expect.stringContaining('have expired'),
    });
    server.heal();
    await settle();
    expect(await run()).toMatchObject({ stage: 'running' });
    expect(await batch('shots@2026-11-21').meta()).toMatchObject({ admitted: 1 });
  });

  it('has what was rejected, and says where', async () => {
    const { write, machine, run } = await openNight();
    await write('sku,title\n1,Fox\n2,\n');
    await (await machine()).settle();
    expect(await run()).toMatchObject({
      stage: 'refused',
      message: expect.stringContaining(`s3://cat/${night}/rejected.jsonl`),
    });
    expect(await server.text('cat', `${night}/rejected.jsonl`)).toContain('"row":3');
    expect((await server.keys('cat')).filter((key) => key.includes('.input'))).toEqual([]);
  });
});
