// `npm run screens [FOLDER]`: the monitor in a real Chromium (CHROMIUM names another than /usr/bin/chromium), with
// batches that run against the simulator. Looks at what a person would look at, and leaves a picture of each page.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { ensureRedisServer } from './provide-redis.mjs';

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

async function fillBatches() {
  const catalog = join(root, 'examples/catalog.csv');
  const mapping = ['--id', 'sku', '--model', 'z-image', '--prompt', 'Studio photo of {{title}}'];
  const quick = ['--rate', '200', '--in-flight', '50'];
  await finished(start(['run', catalog, '--out', 'catalog', ...mapping, ...quick]), [0, 3]);
  simulator.control({ speed: 0.7, faults: ['download-status=503'] });
  writeFileSync(
    join(desk, 'spring.csv'),
    `sku,title\n"${hostile.replaceAll(`"`, `""`)}",${'A title that goes on and on '.repeat(8)}\n${Array.from({ length: 400 }, (_, row) => `S-${1000 + row},Chair ${row}`).join('\n')}\n`,
  );
  start([
    'run',
    'spring.csv',
    '--out',
    'spring',
    '--max-credits',
    '900',
    ...mapping,
    '--rate',
    '12',
  ]);
  await sleep(9_000);
  simulator.control({ faults: [] });
  await sleep(9_000);
}

async function startMonitor() {
  const monitor = start(['monitor', '--port', '0'], { MONITOR_PASSWORD: password });
  const [line] = await once(monitor.stdout, 'data');
  return /http:\S+/.exec(String(line))[0];
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
  for (const secret of ['rvya_sk_screens', 'token=', password]) {
    assert.ok(!text.includes(secret), `${secret} stands in ${page.url()}`);
  }
}

async function look(browser, origin) {
  const login = { httpCredentials: { username: 'monitor', password } };
  const stranger = await browser.newContext({
    httpCredentials: { username: 'monitor', password: 'x' },
  });
  const refused = await stranger.newPage();
  const answer = await refused.goto(origin);
  assert.equal(answer.status(), 401);
  await picture(refused, '1-login-refused');

  const page = await openPage(browser, { ...login, viewport: { width: 1280, height: 800 } });
  await page.goto(origin);
  const before = await page.locator('footer time').textContent();
  await page.waitForFunction(
    (then) => document.querySelector('footer time').textContent !== then,
    before,
  );
  await picture(page, '2-overview');
  await page.getByRole('link', { name: 'catalog', exact: true }).click();
  await page.getByText('generation_failed').first().waitFor();
  await picture(page, '3-batch');
  await page.locator('.group p a').first().click();
  await page.locator('ol.story').waitFor();
  await picture(page, '4-brief-failed');
  await page.goto(origin);
  await page.getByRole('searchbox').fill('Walnut desk');
  await page.getByRole('button', { name: 'Find' }).click();
  await picture(page, '5-found');
  const row = page.locator('tr', { has: page.locator('.pill.succeeded') }).first();
  await page.goto(`${origin}/find?text=studio+photo&batch=catalog`);
  await row.locator('a').first().click();
  await page.getByText('on disk').waitFor();
  const story = new URL(page.url());
  await picture(page, '6-brief-story');
  await page.goto(`${origin}/brief?${new URLSearchParams({ batch: 'spring', id: hostile })}`);
  await picture(page, '7-brief-hostile');
  await page.goto(`${origin}/queues/`);
  await page.getByText('spring').first().waitFor();
  await sleep(1_500);
  await picture(page, '8-bull-board');
  await page.goto(`${origin}/queues/queue/spring.status`);
  await sleep(2_500);
  await picture(page, '9-bull-board-queue');

  const phone = {
    ...login,
    viewport: { width: 390, height: 844 },
    isMobile: true,
    deviceScaleFactor: 2,
  };
  const small = await openPage(browser, phone);
  for (const [path, name] of [
    ['/', '10-phone-overview'],
    ['/batch?name=spring', '11-phone-batch'],
    [story.pathname + story.search, '12-phone-brief'],
  ]) {
    await small.goto(origin + path);
    const overflow = await small.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${path} is ${overflow} px wider than a phone`);
    await picture(small, name);
  }
  const dark = await openPage(browser, { ...login, colorScheme: 'dark' });
  await dark.goto(`${origin}/batch?name=spring`);
  await picture(dark, '13-dark-batch');
}

try {
  await fillBatches();
  const origin = await startMonitor();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  await look(browser, origin);
  await browser.close();
  assert.deepEqual(problems, [], 'errors in the console of the browser');
  console.log(`The pages are as they should be; pictures are in ${pictures}.`);
} finally {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(
    children.map((child) => (child.exitCode === null ? once(child, 'close') : null)),
  );
  await simulator.close();
  rmSync(desk, { recursive: true, force: true, maxRetries: 5 });
}
