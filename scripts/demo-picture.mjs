// `npm run demo:picture`: docs/demo.png, made of what `npm run demo` prints and leaves (CHROMIUM names another
// Chromium than /usr/bin/chromium).
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { csvParse } from 'd3-dsv';
import { chromium } from 'playwright-core';

const root = dirname(import.meta.dirname);
const out = join(root, 'demo-out');
const escaped = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const said = execFileSync(
  'sh',
  ['-c', `'${process.execPath}' '${join(root, 'scripts/demo.mjs')}' 2>&1`],
  { encoding: 'utf8' },
);
// The command is shown in lines of its own.
const printed = said.slice(said.indexOf('68 rows:')).trimEnd();
const command = `$ npx rivya-batch run examples/catalog.csv --out demo-out --id sku --model z-image \\
    --prompt 'Studio photo of {{title}} in {{colour}}. {{description}}' \\
    --param 'aspect_ratio={{aspect}}' --rate 8 --in-flight 24`;

const rows = csvParse(readFileSync(join(out, 'manifest.csv'), 'utf8').replace(/^\uFEFF/, ''));
// The simulator letters its pictures in Latin alone.
const legible = rows.filter(({ prompt }) => /^[\p{Script=Latin}\p{Script=Common}]*$/u.test(prompt));
const figures = Array.from({ length: 20 }, (_, at) => {
  const { asset } = legible[Math.floor((at * legible.length) / 20)];
  const bytes = readFileSync(join(out, asset)).toString('base64');
  return `<figure><div><img src="data:image/png;base64,${bytes}"></div>${basename(asset)}</figure>`;
});
const columns = ['sku', 'title', 'colour', 'price', 'brief_id', 'status', 'asset', 'credits'];
const wide = [...columns, 'model', 'prompt', 'task_id'];
const cells = (row, tag) => wide.map((name) => `<${tag}>${escaped(row(name))}</${tag}>`).join('');
const table = rows.slice(0, 8).map((row) => `<tr>${cells((name) => row[name], 'td')}</tr>`);

const html = `<!doctype html><meta charset="utf-8"><style>
body { margin: 0; padding: 22px; background: #eceff1; font: 13px/1.4 'DejaVu Sans', sans-serif; color: #222;
  display: grid; grid-template-columns: 880px 1fr; gap: 18px; width: 1556px; box-sizing: border-box }
section { background: #fff; border: 1px solid #d5dadd; border-radius: 10px; overflow: hidden }
h2 { margin: 0; padding: 10px 16px; font-size: 13px; background: #f5f7f8; border-bottom: 1px solid #d5dadd; color: #444 }
.dark { background: #14181c } .dark h2 { background: #1d242b; color: #b8c2cb; border: 0 }
pre { margin: 0; padding: 14px 18px; color: #d7dde2; white-space: pre-wrap; font: 12.5px/1.45 'DejaVu Sans Mono', monospace }
pre b { color: #fff }
.pictures { display: grid; grid-template-columns: repeat(5, 1fr); gap: 8px; padding: 12px }
figure { margin: 0; text-align: center; font: 11px 'DejaVu Sans Mono', monospace; color: #666 }
figure div { height: 118px; background: #f1f3f4; border-radius: 5px; display: grid; place-items: center }
img { max-width: 100%; max-height: 114px }
.table { grid-column: 1 / 3 }
table { border-collapse: collapse; width: 100%; table-layout: auto; font-size: 12px }
th, td { text-align: left; padding: 6px 9px; border-top: 1px solid #e3e7e9; white-space: nowrap; max-width: 420px;
  overflow: hidden; text-overflow: ellipsis }
</style>
<section class="dark"><h2>npm run demo</h2><pre><b>${escaped(command)}</b>\n\n${escaped(printed)}</pre></section>
<section><h2>demo-out/assets, ${figures.length} of ${rows.length}</h2><div class="pictures">${figures.join('')}</div></section>
<section class="table"><h2>demo-out/manifest.csv, some lines and columns</h2>
<table><tr>${cells((name) => name, 'th')}</tr>${table.join('')}</table></section>`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const page = await browser.newPage({ viewport: { width: 1556, height: 900 } });
await page.setContent(html);
await page.screenshot({ path: join(root, 'docs/demo.png'), fullPage: true });
await browser.close();
