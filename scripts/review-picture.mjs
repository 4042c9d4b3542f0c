// `npm run review:picture`: docs/review.png, of what `npm run demo` has left in demo-out (CHROMIUM names another Chromium
// than /usr/bin/chromium). It decides on a few of them, as somebody would by keys; what was decided there is not kept.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const root = dirname(import.meta.dirname);
const out = join(mkdtempSync(join(tmpdir(), 'review-picture-')), 'catalog');
cpSync(join(root, 'demo-out'), out, { recursive: true });
const server = spawn(
  process.execPath,
  [join(root, 'dist/bin/rivya-batch.js'), 'review', out, '--port', '0'],
  { stdio: ['ignore', 'pipe', 'ignore'] },
);
let said = '';
server.stdout.on('data', (chunk) => {
  said += chunk;
});
try {
  while (!/http\S+\s/.test(said)) await once(server.stdout, 'data');
  await takePicture(/http\S+/.exec(said)[0]);
} finally {
  server.kill('SIGINT');
  await once(server, 'close');
  rmSync(dirname(out), { recursive: true, force: true });
}

async function takePicture(url) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
    await page.goto(url);
    await page.locator('img').first().waitFor();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowLeft');
    for (const key of 'aaraaaga') await page.keyboard.press(key);
    await page.keyboard.press('Escape');
    await page.mouse.move(0, 0);
    await page.waitForFunction(() => [...document.images].every((image) => image.complete));
    // A sentence that tells of the last decision goes by itself.
    await page.waitForTimeout(8_000);
    const picture = await page.screenshot();
    await sharp(picture)
      .png({ palette: true, colours: 128, compressionLevel: 9 })
      .toFile(join(root, 'docs/review.png'));
  } finally {
    await browser.close();
  }
}
