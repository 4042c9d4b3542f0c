import { Redis } from 'ioredis';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect, inject, onTestFinished, test } from 'vitest';
import { AccountLedger } from '../../src/ledger/account-ledger.js';
import { BatchLedger } from '../../src/ledger/batch-ledger.js';
import { violations } from '../support/accessible.js';
import { Desk, fast, mapping, productsCsv } from '../support/cli.js';
import { connect, openLedger } from '../support/ledger.js';
import { openSchedules, plan } from '../support/schedules.js';
import { login, openMonitor } from './open-monitor.js';

/** A browser for which the monitor has a name of its own, as on a network without TLS. */
async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--host-resolver-rules=MAP monitor.example 127.0.0.1'],
  });
  onTestFinished(() => browser.close());
  return browser;
}

/** A finished batch, of which two briefs failed; one that waits for a worker; and a schedule. */
async function openDesk() {
  const desk = await Desk.open({
    faults: ['task-fails:1x:prompt=Product 3', 'task-fails:1x:prompt=Product 5'],
  });
  onTestFinished(() => desk.close());
  await desk.write('in.csv', productsCsv(6));
  await desk.write('next.csv', productsCsv(4));
  expect((await desk.run(['run', 'in.csv', '--out', 'out', ...mapping, ...fast])).code).toBe(3);
  expect((await desk.run(['enqueue', 'next.csv', '--out', 'next', ...mapping])).code).toBe(0);
  const redis = new Redis({ path: inject('redisSocket'), maxRetriesPerRequest: null });
  onTestFinished(() => redis.disconnect());
  const prefix = desk.environment.RIVYA_BATCH_PREFIX ?? '';
  await openSchedules({ redis, prefix }).add(plan('nightly'));
  const ledgerOf = (batch: string) =>
    new BatchLedger(redis, prefix, batch, new AccountLedger(redis, prefix, 'any'));
  const patch = { actions: 'allowed', connection: connect(), prefix } as const;
  const monitor = await openMonitor(patch, await openLedger({ batch: 'unused' }));
  return { desk, ledgerOf, monitor };
}

const pictures = process.env.ACTING_PICTURES;

const screens: Record<string, BrowserContextOptions> = {
  desktop: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
};

const looks = {
  open: '/batch?name=next',
  failed: '/batch?name=out',
  cancel: '/act?deed=cancel&batch=next',
  priority: '/act?deed=priority&batch=next',
  retry: '/act?deed=retry&batch=out&code=generation_failed',
  'not-now': '/act?deed=resume&batch=next',
  schedules: '/schedules',
  found: '/find?text=Product',
  'brief-failed': '/brief?batch=out&id=00003',
  brief: '/brief?batch=out&id=00002',
};

test('batches and schedules are steered by clicks and by keys, from pages that everybody can use', async () => {
  const { desk, ledgerOf, monitor } = await openDesk();
  const browser = await openBrowser();
  const origin = new URL(monitor.origin);
  origin.hostname = 'monitor.example';
  const at = (path: string) => new URL(path, origin).href;
  const credentials = { httpCredentials: { username: login.user, password: login.password } };
  const faults: string[] = [];
  const look = async (page: Page, name: string) => {
    faults.push(...(await violations(page)).map((fault) => `${name}: ${fault}`));
    const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    if (Number(wide) > 0) faults.push(`${name} is ${wide} px too wide`);
    if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
  };

  for (const [screen, options] of Object.entries(screens)) {
    const context = await browser.newContext({ ...credentials, ...options });
    const page = await context.newPage();
    for (const [name, path] of Object.entries(looks)) {
      await page.goto(at(path));
      await look(page, `${name}-${screen}`);
    }
    await context.close();
  }
  expect(faults).toEqual([]);

  const page = await (await browser.newContext(credentials)).newPage();
  const next = ledgerOf('next');
  await page.goto(at('/batch?name=next'));
  await page.getByRole('link', { name: 'Pause…' }).click();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Last paused by monitor (monitor)').waitFor();
  expect(page.url()).toBe(at('/batch?name=next'));
  expect(await next.meta()).toMatchObject({ paused: true });

  // By keys alone, from the top of the page.
  const press = async (target: string, key = 'Enter') => {
    const focused = () =>
      page.evaluate<string>('document.activeElement.textContent || document.activeElement.name');
    for (let tabs = 0; (await focused()) !== target; tabs += 1) {
      expect(tabs).toBeLessThan(40);
      await page.keyboard.press('Tab');
    }
    if (key !== '') await page.keyboard.press(key);
  };
  await press('Resume…');
  await page.waitForURL(/deed=resume/);
  await press('Resume');
  await page.getByText('Last resumed by monitor (monitor)').waitFor();
  await press('Priority…');
  await page.waitForURL(/deed=priority/);
  await press('priority', '');
  await page.keyboard.type('12');
  await page.keyboard.press('Enter');
  await page.getByText('set the priority to 12').waitFor();
  expect(await next.meta()).toMatchObject({ paused: false, priority: 12 });
  // It is asked, and left as it is.
  await page.getByRole('link', { name: 'Cancel…' }).click();
  await page.getByRole('link', { name: 'Leave it as it is' }).click();
  expect(await next.meta()).toMatchObject({ stage: 'running' });
  await page.getByRole('link', { name: 'Cancel…' }).click();
  await page.getByRole('button', { name: 'Cancel the batch' }).click();
  await page.locator('.pill.cancelled').first().waitFor();
  expect(await next.meta()).toMatchObject({ stage: 'cancelled', pending: 0 });

  await page.goto(at('/batch?name=out'));
  await page.getByRole('link', { name: 'Retry these…' }).click();
  await page.getByText('Expected cost: about 2 credits.').waitFor();
  await page.getByRole('button', { name: 'Retry 2 briefs' }).dblclick();
  await page.getByText('Last retried 2 briefs of generation_failed').waitFor();
  // What was posted is not posted again.
  await page.reload();
  expect(await ledgerOf('out').meta()).toMatchObject({ pending: 2 });
  expect((await desk.run(['continue', 'out'])).code).toBe(0);
  expect(desk.simulator.bill().total.tasks).toBe(6 + 2);
  expect(desk.simulator.bill().billedTwice).toEqual([]);

  await page.goto(at('/schedules'));
  await page.getByRole('link', { name: 'Run now…' }).click();
  await page.getByRole('button', { name: 'Run now' }).click();
  await page.getByText('Last asked for a run by monitor (monitor)').waitFor();
});
