import { expect, test } from 'vitest';
import { startSimulator } from '../../src/simulator/start-simulator.js';
import { fox, withSimulator } from './with-simulator.js';

test('settings are read back, changed one by one, and sent back as they were read', async () => {
  const { send, control } = await withSimulator({ speed: Number.POSITIVE_INFINITY, seed: 5 });
  const before = (await send('/simulator/control')).body;
  expect(before).toMatchObject({ speed: 'infinity', seed: 5, rate: null, faults: [] });
  const changed = await control({ speed: 10, faults: ['outage:0.5'] });
  expect(changed.body).toMatchObject({
    speed: 10,
    seed: 5,
    faults: [{ fault: { kind: 'outage' }, probability: 0.5 }],
  });
  expect((await control(before)).body).toEqual(before);
});

test('control needs no key, is not limited and not counted', async () => {
  const { simulator, control, send } = await withSimulator({ rate: { limit: 1 } });
  const headers = { authorization: '' };
  for (let count = 0; count < 5; count += 1) await control({ seed: count });
  expect((await send('/simulator/bill', { headers })).status).toBe(200);
  expect(simulator.bill().requests.total).toBe(0);
});

test.each([
  { speed: 0 },
  { nonsense: 1 },
  { faults: ['nope'] },
  { rate: { limit: -1 } },
  { models: { x: { params: 1 } } },
])('what cannot be is refused and changes nothing: %j', async (patch) => {
  const { control, send } = await withSimulator();
  const before = (await send('/simulator/control')).body;
  const refused = await control(patch);
  expect(refused.status).toBe(400);
  expect(refused.body.error.message).not.toBe('');
  expect((await send('/simulator/control')).body).toEqual(before);
});

test('a body that is no JSON is refused', async () => {
  const { send } = await withSimulator();
  expect((await send('/simulator/control', { method: 'POST', body: '[]' })).status).toBe(400);
  for (const path of ['/simulator/control', '/simulator/credits']) {
    expect((await send(path, { method: 'POST', body: '{' })).status).toBe(400);
  }
});

test('the handle controls too, and options that cannot be are refused at start', async () => {
  const { simulator, submit } = await withSimulator();
  simulator.control({ faults: ['api-disabled'] });
  expect((await submit(fox)).status).toBe(503);
  await expect(startSimulator({ faults: ['nope'] })).rejects.toMatchObject({
    code: 'bad_configuration',
    message: expect.stringContaining('nope'),
  });
});

test('closing ends late answers and open connections', async () => {
  const { simulator, submit } = await withSimulator({ faults: ['late-answer=3600000'] });
  const waiting = submit(fox).catch((error: unknown) => error);
  while (simulator.bill().total.tasks === 0) await new Promise(setImmediate);
  await simulator.close();
  expect(await waiting).toBeInstanceOf(Error);
  await simulator.close();
});
