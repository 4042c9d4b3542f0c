// What a results folder of many pictures costs to look at: making the page, its first picture, scrolling, memory.
// Needs Chromium (CHROMIUM names another than /usr/bin/chromium).
//   npm run bench:review [-- --briefs 10000 --paged 100000]   --paged 0 leaves the pages of a large batch out
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { rolldown } from 'rolldown';
import { round } from './stand.mjs';

const main = fileURLToPath(new URL('../dist/bin/rivya-batch.js', import.meta.url));
const maker = fileURLToPath(new URL('../test/support/review-folder.ts', import.meta.url));
const { values } = parseArgs({
  options: {
    briefs: { type: 'string', default: '10000' },
    paged: { type: 'string', default: '100000' },
  },
});
const work = await mkdtemp(join(tmpdir(), 'rivya-bench-review-'));

/** It is TypeScript, and shared with the tests. */
async function loadMaker() {
  const bundled = await rolldown({ input: maker, platform: 'node', external: ['sharp'] });
  // Within the repository, where `sharp` is found.
  const file = fileURLToPath(new URL(`../dist/review-folder.${process.pid}.mjs`, import.meta.url));
  await bundled.write({ file });
  await bundled.close();
  try {
    return await import(pathToFileURL(file).href);
  } finally {
    await rm(file);
  }
}

async function seconds(act) {
  const startedAt = performance.now();
  const result = await act();
  return { result, seconds: round((performance.now() - startedAt) / 1_000) };
}

/** Of this process since it is this program: what the system counts for a child begins with the size of its parent. */
const tellMemory = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync } from 'node:fs';
  process.on('exit', () => {
    const status = readFileSync('/proc/self/status', 'utf8');
    console.error('peak', status.split('VmHWM:')[1].split('kB')[0].trim());
  });
`)}`;

/** A command to its end, with the most memory that it had. */
async function command(parameters) {
  const child = spawn(process.execPath, ['--import', tellMemory, main, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: work },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${parameters.join(' ')} ended with ${code}: ${output}`);
  return { output, peakMegabytes: Math.round(Number(/peak (\d+)/.exec(output)?.[1]) / 1_024) };
}

/** Runs in the page before anything of it: when the first picture can be seen. */
function watchFirstPicture() {
  const look = () => {
    const isSeen = (image) => {
      const { top, bottom } = image.getBoundingClientRect();
      return image.complete && image.naturalWidth > 0 && bottom > 0 && top < innerHeight;
    };
    if ([...document.images].some(isSeen)) globalThis.firstPictureMs = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** Runs in the page: through all of it, a little each frame; the time of each frame. */
async function scrollThrough(frames) {
  const times = [];
  const scroller = document.querySelector('.grid');
  const step = Math.ceil(scroller.scrollHeight / frames);
  let last = performance.now();
  for (let frame = 0; frame < frames; frame += 1) {
    scroller.scrollBy(0, step);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  const most = [...document.images].filter((image) => image.complete && image.naturalWidth > 0);
  return { times, height: scroller.scrollHeight, at: scroller.scrollTop, shown: most.length };
}

async function lookAt(browser, address) {
  const page = await (
    await browser.newContext({ viewport: { width: 1280, height: 800 } })
  ).newPage();
  await page.addInitScript(watchFirstPicture);
  await page.goto(address);
  await page.waitForFunction(() => globalThis.firstPictureMs > 0);
  const firstPictureMs = await page.evaluate(() => globalThis.firstPictureMs);
  const developer = await page.context().newCDPSession(page);
  const memory = async () => {
    await developer.send('HeapProfiler.collectGarbage');
    const { usedSize } = await developer.send('Runtime.getHeapUsage');
    const { nodes } = await developer.send('Memory.getDOMCounters');
    const elements = await page.evaluate(() => document.querySelectorAll('*').length);
    return { heapMegabytes: Math.round(usedSize / 1e6), nodes, elements };
  };
  const before = await memory();
  const { times, ...end } = await page.evaluate(scrollThrough, 600);
  const after = await memory();
  await page.context().close();
  const sorted = times.toSorted((a, b) => a - b);
  return {
    'first picture, s': round(firstPictureMs / 1_000),
    'frames of scrolling': times.length,
    'median frame, ms': Math.round(sorted[Math.floor(sorted.length / 2)]),
    'frames over 50 ms': times.filter((ms) => ms > 50).length,
    'longest frame, ms': Math.round(sorted.at(-1)),
    'pixels scrolled': Math.round(end.at),
    'heap, MB': `${before.heapMegabytes} -> ${after.heapMegabytes}`,
    elements: `${before.elements} -> ${after.elements}`,
    nodes: `${before.nodes} -> ${after.nodes}`,
  };
}

/** @param count of briefs */
async function measure(browser, makeReviewFolder, count) {
  const folder = join(work, String(count));
  const made = await seconds(() => makeReviewFolder(folder, { briefs: count, decided: 100 }));
  const sheet = await seconds(() => command(['sheet', folder]));
  const path = join(folder, 'contact-sheet.html');
  console.log(`${count} briefs (the folder was made in ${made.seconds} s)`);
  console.table({
    'sheet, s': sheet.seconds,
    'sheet, peak MB': sheet.result.peakMegabytes,
    'page, MB': round((await stat(path)).size / 1e6),
    'page, bytes a brief': Math.round((await stat(path)).size / count),
    ...(await lookAt(browser, pathToFileURL(path).href)),
  });
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const { makeReviewFolder } = await loadMaker();
  await measure(browser, makeReviewFolder, Number(values.briefs));
  if (Number(values.paged) > 0) await measure(browser, makeReviewFolder, Number(values.paged));
} finally {
  await browser.close();
  await rm(work, { recursive: true, force: true });
}
