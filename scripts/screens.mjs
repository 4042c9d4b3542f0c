// `npm run screens [FOLDER]`: the monitor in a real Chromium (CHROMIUM names another than /usr/bin/chromium), with
// batches that run against the simulator. Looks at what a person would look at, and leaves a picture of each page.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { ensureRedisServer } from './provide-redis.mjs';
import { fillBatches } from './screens/fill-batches.mjs';
import { scheduleSecrets } from './screens/fill-schedules.mjs';

const root = dirname(import.meta.dirname);
const pictures = resolve(process.argv[2] ?? 'screens');
const desk = mkdtempSync(join(tmpdir(), 'rivya-batch-screens-'));
const password = 'a long word for the monitor';
const hostile = `<img src=x onerror="document.title='owned'">`;
ensureRedisServer();
if (!existsSync(join(root, 'dist/bin/rivya-batch.js'))) await import('./build.mjs');
const { startSimulator } = await import('../dist/simulator/start-simulator.js');
const simulator = await startSimulator({
  speed: 20,
  faults: ['task-fails:6x', 'task-fails=nsfw:2x'],
});
const children = [];
mkdirSync(pictures, { recursive: true });

function start(parameters, environment = {}) {
  const child = spawn(process.execPath, [join(root, 'dist/bin/rivya-batch.js'), ...parameters], {
    cwd: desk,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      RIVYA_BASE_URL: simulator.origin,
      RIVYA_API_KEY: 'rvya_sk_screens',
      ...environment,
    },
  });
  children.push(child);
  return child;
}

async function finished(child, codes) {
  const [code] = await once(child, 'close');
  assert.ok(codes.includes(code), `${child.spawnargs.join(' ')} ended with ${code}`);
}

async function startMonitor() {
  const monitor = start(['monitor', '--port', '0'], { MONITOR_PASSWORD: password });
  const [line] = await once(monitor.stdout, 'data');
  return { monitor, origin: /http:\S+/.exec(String(line))[0] };
}

const problems = [];

async function openPage(browser, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`${page.url()}: ${message.text()}`);
  });
  return page;
}

async function picture(page, name) {
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  const title = await page.title();
  assert.notEqual(title, 'owned', 'a hostile title was run');
  const text = await page.content();
  for (const secret of ['rvya_sk_screens', 'token=', password, ...scheduleSecrets]) {
    assert.ok(!text.includes(secret), `${secret} stands in ${page.url()}`);
  }
}

const login = { httpCredentials: { username: 'monitor', password } };

async function lookWithoutLogin(browser, origin) {
  const httpCredentials = { username: 'monitor', password: 'x' };
  const page = await (await browser.newContext({ httpCredentials })).newPage();
  const answer = await page.goto(origin);
  assert.equal(answer.status(), 401);
  await picture(page, '01-login-refused');
}

/** Returns the address of a brief's story. */
async function lookAtPages(page, origin) {
  await page.goto(origin);
  const before = await page.locator('footer time').textContent();
  const changed = (then) => document.querySelector('footer time').textContent !== then;
  await page.waitForFunction(changed, before);
  await picture(page, '02-overview');
  await page.getByRole('link', { name: 'catalog', exact: true }).click();
  await page.getByText('generation_failed').first().waitFor();
  await picture(page, '03-batch');
  await page.locator('.group p a').first().click();
  await page.locator('ol.story').waitFor();
  await picture(page, '04-brief-failed');
  await page.goto(origin);
  await page.getByRole('searchbox').fill('Walnut desk');
  await page.getByRole('button', { name: 'Find' }).click();
  await picture(page, '05-found');
  const row = page.locator('tr', { has: page.locator('.pill.succeeded') }).first();
  await page.goto(`${origin}/find?text=studio+photo&batch=catalog`);
  await row.locator('a').first().click();
  await page.getByText('on disk').waitFor();
  await picture(page, '06-brief-story');
  const story = page.url();
  await page.goto(`${origin}/brief?${new URLSearchParams({ batch: 'spring', id: hostile })}`);
  await picture(page, '07-brief-hostile');
  return story;
}

async function lookAtBoard(page, origin) {
  await page.goto(`${origin}/queues/`);
  await page.getByText('spring').first().waitFor();
  await sleep(1_500);
  await picture(page, '08-bull-board');
  await page.goto(`${origin}/queues/queue/spring.status`);
  await page.getByText('The whole story of this brief').first().waitFor();
  await picture(page, '09-bull-board-queue');
}

async function lookAtSchedules(page, origin) {
  await page.goto(origin);
  await page.getByRole('link', { name: 'press-photos' }).click();
  assert.match(page.url(), /\/schedules#/);
  const refused = page.getByRole('row', { name: 'refused' });
  await refused.getByText('the webhook could not be notified').waitFor();
  await picture(page, '16-schedules');
  await page
    .getByRole('link', { name: /^catalog-nightly@/ })
    .first()
    .click();
  await page.getByText('12 of 12').first().waitFor();
}

async function lookOnPhone(browser, addresses) {
  const viewport = { width: 390, height: 844 };
  const page = await openPage(browser, {
    ...login,
    viewport,
    isMobile: true,
    deviceScaleFactor: 2,
  });
  for (const [address, name] of addresses) {
    await page.goto(address);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${address} is ${overflow} px wider than a phone`);
    await picture(page, name);
  }
}

async function look(browser, { origin, monitor }) {
  await lookWithoutLogin(browser, origin);
  const page = await openPage(browser, { ...login, viewport: { width: 1280, height: 800 } });
  const story = await lookAtPages(page, origin);
  await lookAtBoard(page, origin);
  await lookAtSchedules(page, origin);
  await lookOnPhone(browser, [
    [origin, '10-phone-overview'],
    [`${origin}/batch?name=spring`, '11-phone-batch'],
    [story, '12-phone-brief'],
    [`${origin}/schedules`, '17-phone-schedules'],
  ]);
  const dark = await openPage(browser, { ...login, colorScheme: 'dark' });
  await dark.goto(`${origin}/batch?name=spring`);
  await picture(dark, '14-dark-batch');
  assert.deepEqual(problems, [], 'errors in the console of the browser');
  monitor.kill('SIGTERM');
  await dark.getByText('The monitor has not answered since').waitFor();
  await picture(dark, '15-monitor-gone');
}

try {
  await fillBatches({ start, finished, desk, simulator, hostile });
  const started = await startMonitor();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  await look(browser, started);
  await browser.close();
  console.log(`The pages are as they should be; pictures are in ${pictures}.`);
} finally {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(
    children.map((child) => (child.exitCode === null ? once(child, 'close') : null)),
  );
  await simulator.close();
  rmSync(desk, { recursive: true, force: true, maxRetries: 5 });
}
