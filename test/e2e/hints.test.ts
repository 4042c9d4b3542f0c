import { expect, onTestFinished, vi } from 'vitest';
import { fast, mapping, productsCsv, test } from '../support/cli.js';
import { shownCommands } from '../support/pages.js';

const secret = 'only-this-machine-knows';

test('docs/hints.md, on one machine: Rivya is told the address, and every task is found by its hint or its check (S1, S8)', async ({
  openDesk,
}) => {
  const desk = await openDesk({ speed: 'infinity', webhooks: { delayMs: 0, copies: 2 } });
  await desk.write('products.csv', productsCsv(12));
  const environment = { RIVYA_BATCH_HOOKS_PATH: secret };
  const words = (name: string) => {
    const all = shownCommands('docs/hints.md').map((shown) => shown.words);
    const found = all.findLast(([first, second]) => `${first} ${second}`.startsWith(name));
    if (!found) throw new Error(`docs/hints.md shows no ${name}`);
    return found;
  };
  const port = words('worker').indexOf('3022');
  const worker = desk.start(
    [...words('worker').with(port, '0').with(2, 'out'), ...fast],
    environment,
  );
  onTestFinished(() => worker.kill('SIGKILL'));
  const address = await vi.waitFor(
    () => {
      const [, origin = ''] = /"hooks":"(http:[^"]*)"/.exec(worker.output()) ?? [];
      expect(origin).not.toBe('');
      return origin;
    },
    { timeout: 30_000, interval: 20 },
  );
  const create = words('webhooks create').map((word) => (word.startsWith('http') ? address : word));
  const made = await desk.run(create, { environment });
  expect(made.code, made.stderr).toBe(0);
  expect(made.stdout).toMatch(/ {2}whsec_\S+\n/);
  const listed = await desk.run(['webhooks', 'list'], { environment });
  expect(listed.stdout).toContain(`${address}/...nows`);
  expect(listed.stdout).not.toContain(secret);
  const [, id = ''] = /^(whend_\S+)/m.exec(listed.stdout) ?? [];
  expect((await desk.run(['webhooks', 'test', id], { environment })).code).toBe(0);
  const looked = await desk.run(['doctor'], { environment });
  expect(looked.stdout).toMatch(/Rivya sends hints to whend_\S+ \(active; last at/);
  const enqueue = ['enqueue', 'products.csv', '--batch', 'hinted', ...mapping];
  expect((await desk.run(enqueue)).code).toBe(0);
  await vi.waitFor(async () => expect(await desk.report('out')).toBeDefined(), {
    timeout: 60_000,
    interval: 50,
  });
  const lines = await desk.lines('out');
  expect(lines.filter(({ status }) => status === 'succeeded')).toHaveLength(12);
  const bill = desk.simulator.bill();
  expect(bill).toMatchObject({ total: { tasks: 12 }, billedTwice: [] });
  // And one by doctor, for a task that there cannot be.
  expect(bill.requests.byEndpoint.read).toEqual({ 200: 12, 404: 1 });
  const deleted = await desk.run(['webhooks', 'delete', id], { environment });
  expect(deleted.code).toBe(0);
  expect((await desk.run(['webhooks', 'list'])).stdout).toBe(
    'There are no webhooks. Create one: rivya-batch webhooks create URL\n',
  );
  worker.kill('SIGTERM');
  expect((await worker.finished).code).toBe(0);
  expect(worker.output()).toMatch(/"?hastened"?: ?\d+/);
  expect(worker.output()).not.toContain(secret);
});

test('a worker that takes hints wants a path that nobody guesses, and no signature that nobody knows', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  const refusal = async (parameters: string[], environment = {}) => {
    const { code, stderr } = await desk.run(['worker', '--hooks-port', '0', ...parameters], {
      environment,
    });
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refusal([])).toMatch(/RIVYA_BATCH_HOOKS_PATH.*openssl rand -hex 16/s);
  const short = await refusal(['--hooks-path', 'short']);
  expect(short).toMatch(/6 to 200/);
  expect(short).not.toContain('short');
  expect(await refusal([], { RIVYA_BATCH_HOOKS_PATH: 'short' })).toMatch(
    /RIVYA_BATCH_HOOKS_PATH must be a word of 6/,
  );
  expect(await refusal(['--hooks-path', secret, '--hooks-signature', 'rivya'])).toMatch(
    /Rivya has not documented in which headers/,
  );
  await desk.write('hooks_path', `${secret}\n`);
  const worker = desk.start(['worker', '--hooks-port', '0', ...fast], {
    RIVYA_BATCH_HOOKS_PATH_FILE: 'hooks_path',
  });
  await vi.waitFor(() => expect(worker.output()).toMatch(/"hooks":"http/), {
    timeout: 30_000,
    interval: 20,
  });
  worker.kill('SIGTERM');
  expect((await worker.finished).code).toBe(0);
});
