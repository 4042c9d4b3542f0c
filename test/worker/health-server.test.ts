import { expect, it, onTestFinished } from 'vitest';
import { startHealthServer } from '../../src/worker/health-server.js';
import { openProcess } from './open-process.js';

const anywhere = { host: '127.0.0.1', port: 0 };

async function openHealth() {
  const opened = await openProcess();
  const health = await startHealthServer(opened.worker, anywhere);
  onTestFinished(() => health.close());
  const ask = async (path: string) => {
    const response = await fetch(`${health.origin}${path}`);
    return { status: response.status, body: await response.json() };
  };
  return { ...opened, health, ask };
}

it('is ready once its limits are known, and no more while it stops', async () => {
  const { worker, ask } = await openHealth();
  expect(await ask('/ready')).toMatchObject({ status: 503, body: { status: 'redis_silent' } });
  await worker.start();
  expect(await ask('/ready')).toEqual({ status: 200, body: { status: 'ready', batches: 0 } });
  await worker.close(1_000);
  expect(await ask('/ready')).toMatchObject({ status: 503, body: { status: 'stopping' } });
});

it('is not ready while Redis is silent, and lives all the same', async () => {
  const { worker, clock, ask } = await openHealth();
  await worker.start();
  clock.aheadMs += 8_000;
  expect(await ask('/ready')).toMatchObject({ status: 503, body: { status: 'redis_silent' } });
  expect(await ask('/health')).toEqual({ status: 200, body: { status: 'alive' } });
  expect((await ask('/')).status).toBe(404);
});

it('says in a sentence that its port is taken', async () => {
  const { worker, health } = await openHealth();
  const port = Number(new URL(health.origin).port);
  await expect(startHealthServer(worker, { host: '127.0.0.1', port })).rejects.toThrow(
    /The health endpoint cannot listen on 127\.0\.0\.1.*something listens there already.*--health-port/,
  );
});
