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

async function startMonitor(...options) {
  const environment = { MONITOR_PASSWORD: password };
  const monitor = start(['monitor', '--port', '0', ...options], environment);
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

/** Run in the page: what is loaded once it is scrolled to is in the picture of the whole page as well. */
async function loadPictures() {
  const pictures = [...document.images];
  for (const one of pictures) one.loading = 'eager';
  await Promise.all(pictures.map((one) => one.decode().catch(() => null)));
}

async function picture(page, name) {
  await page.evaluate(loadPictures);
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
  await picture(page, 'login-refused');
}

/** Goes where a person would go, and returns the addresses of what there is to be seen, by name. */
async function walk(page, origin) {
  await page.goto(origin);
  const before = await page.locator('footer time').textContent();
  const changed = (then) => document.querySelector('footer time').textContent !== then;
  await page.waitForFunction(changed, before);
  await page.getByRole('img', { name: /^briefs of the last hour: \d+/ }).waitFor();
  await page.getByRole('link', { name: 'catalog', exact: true }).click();
  await page.getByText('generation_failed').first().waitFor();
  await page.getByRole('img', { name: /^briefs of its last 15 minutes: 68, 6 without/ }).waitFor();
  const batch = page.url();
  await page.locator('.group p a').first().click();
  await page.locator('ol.story').waitFor();
  const failed = page.url();
  await page.goto(origin);
  await page.getByRole('searchbox').fill('Walnut desk');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.locator('.found').waitFor();
  const row = page.locator('tr', { has: page.locator('.pill.succeeded') }).first();
  await page.goto(`${origin}/find?text=studio+photo&batch=catalog`);
  await row.locator('a').first().click();
  await page.getByText('on disk').waitFor();
  const story = page.url();
  await page.goto(origin);
  await page.getByRole('link', { name: 'press-photos' }).click();
  assert.match(page.url(), /\/schedules#/);
  const refused = page.getByRole('row', { name: 'refused' });
  await refused.getByText('the webhook could not be notified').waitFor();
  await page
    .getByRole('link', { name: /^catalog-nightly@/ })
    .first()
    .click();
  await page.getByText('12 of 12').first().waitFor();
  const at = (path, query) => `${origin}${path}?${new URLSearchParams(query)}`;
  return {
    overview: origin,
    'overview-day': at('/', { span: 'day' }),
    batch: at('/batch', { name: 'spring' }),
    'batch-over': batch,
    'brief-failed': failed,
    'brief-story': story,
    'brief-hostile': at('/brief', { batch: 'spring', id: hostile }),
    find: at('/find', {}),
    found: at('/find', { text: 'studio photo', status: 'succeeded' }),
    'found-nothing': at('/find', { text: 'nothing is called so' }),
    schedules: `${origin}/schedules`,
    'not-found': at('/batch', { name: 'nowhere' }),
  };
}

/** Pages that are there where people may act; nothing is done on them. */
function acting(origin) {
  const at = (path, query) => `${origin}${path}?${new URLSearchParams(query)}`;
  const ask = (wish) => at('/act', wish);
  return {
    'batch-acting': at('/batch', { name: 'spring' }),
    'question-cancel': ask({ deed: 'cancel', batch: 'spring' }),
    'question-priority': ask({ deed: 'priority', batch: 'spring' }),
    'question-retry': ask({ deed: 'retry', batch: 'catalog', code: 'generation_failed' }),
    'question-not-now': ask({ deed: 'resume', batch: 'spring' }),
  };
}

async function lookAtBoard(page, origin) {
  await page.goto(`${origin}/queues/`);
  await page.getByText('spring').first().waitFor();
  await sleep(1_500);
  await picture(page, 'bull-board');
  await page.goto(`${origin}/queues/queue/spring.status`);
  await page.getByText('The whole story of this brief').first().waitFor();
  await picture(page, 'bull-board-queue');
}

const screens = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, deviceScaleFactor: 2 },
};

/** On each kind of screen, in each theme. */
async function lookAtAll(browser, addresses) {
  for (const [device, screen] of Object.entries(screens)) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await openPage(browser, { ...login, ...screen, colorScheme });
      for (const [name, address] of Object.entries(addresses)) {
        await page.goto(address);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - innerWidth,
        );
        assert.ok(overflow <= 0, `${address} is ${overflow} px wider than a ${device}`);
        await picture(page, `${name}-${device}-${colorScheme}`);
      }
      await page.context().close();
    }
  }
}

async function look(browser) {
  const { origin, monitor } = await startMonitor();
  await lookWithoutLogin(browser, origin);
  const page = await openPage(browser, { ...login, ...screens.desktop });
  const addresses = await walk(page, origin);
  await lookAtBoard(page, origin);
  const allowed = await startMonitor('--allow-actions');
  await lookAtAll(browser, { ...addresses, ...acting(allowed.origin) });
  // A page that cannot be shown is told to the console as well.
  const unexpected = problems.filter((problem) => !/\/batch\?name=nowhere|resume/.test(problem));
  assert.deepEqual(unexpected, [], 'errors in the console of the browser');
  await page.goto(addresses.batch);
  monitor.kill('SIGTERM');
  await page.getByText('The monitor has not answered since').waitFor();
  await picture(page, 'monitor-gone');
}

try {
  await fillBatches({ start, finished, desk, simulator, hostile });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  await look(browser);
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
