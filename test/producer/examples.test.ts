import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { bundledModels } from '../../src/rivya/catalogue.js';
import { auditRun } from '../support/audit-run.js';
import { fast, test } from '../support/cli.js';
import { readPage } from '../support/pages.js';
import { compilePaths } from './compile-files.js';

const models = bundledModels();

it('catalog.csv makes one brief a product with sku, title, colour, description and aspect mapped', async () => {
  const { briefs, rejections, counts } = await compilePaths(['examples/catalog.csv'], {
    models,
    id: 'sku',
    model: 'z-image',
    prompt: 'Studio photo of {{title}} in {{colour}}, {{description}}, soft daylight',
    params: [{ key: 'aspect_ratio', template: '{{aspect}}' }],
  });
  expect(rejections).toEqual([]);
  expect(counts).toEqual({ rows: 68, briefs: 68, rejected: 0, duplicates: 0, leftOut: 0 });
  expect(briefs.find(({ id }) => id === '00123')?.body).toBe(
    '{"model":"z-image","prompt":"Studio photo of Stoneware mug \\"Harbour\\" in sea blue, Glazed by hand in two dips.\\nThe foot is left bare, so you can feel the clay, soft daylight","params":{"aspect_ratio":"1:1"}}',
  );
});

it('shopify-products.csv makes one brief a product, and rejects the rows without a title', async () => {
  const { counts, rejections } = await compilePaths(['examples/shopify-products.csv'], {
    models,
    id: 'Handle',
    model: 'z-image',
    prompt: await readFile('examples/shopify-prompt.txt', 'utf8'),
  });
  expect(counts).toEqual({ rows: 38, briefs: 13, rejected: 25, duplicates: 0, leftOut: 0 });
  expect(new Set(rejections.map(({ column }) => column))).toEqual(new Set(['Title', 'Tags']));
});

test('shopify.yaml makes pictures of each variant that is sold, and rejects none (S1)', async ({
  openDesk,
}) => {
  const desk = await openDesk({ speed: Number.POSITIVE_INFINITY });
  const recipe = ['--recipe', resolve('examples/shopify.yaml')];
  const checked = await desk.run(['check', ...recipe, '--json']);
  expect(JSON.parse(checked.stdout)).toMatchObject({
    rows: 28,
    briefs: 54,
    rejected: 0,
    leftOut: 10,
    findings: [],
  });
  const { code, stderr } = await desk.run(['run', ...recipe, '--out', 'out', ...fast]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(await auditRun(desk, { out: 'out', batch: 'shopify', briefs: 54 })).toEqual([]);
  const lines = await desk.lines('out');
  expect(lines.find(({ brief_id }) => brief_id === 'SM-012/white')).toMatchObject({
    prompt:
      'Studio photo of Stoneware Mug “Harbour”, color sand, on a plain white background, soft shadow. What the shop says of it: Glazed by hand in two dips; the foot is left bare.\n- Height: 9 cm\n- Holds 0.3 l\n- Dishwasher & microwave safe',
    params: { aspect_ratio: '1:1' },
    assets: [{ path: 'assets/stoneware-mug-harbour-sm-012-1.png' }],
  });
  expect(lines.some(({ brief_id }) => brief_id === 'BS-051/room')).toBe(false);
});

it.each([
  ['examples/briefs.json', 10],
  ['examples/prompts.jsonl', 12],
])('%s needs no option', async (path, count) => {
  const { briefs, rejections } = await compilePaths([path], { models });
  expect(rejections).toEqual([]);
  expect(briefs).toHaveLength(count);
});

it('every choice in the examples is one that its model offers', async () => {
  const files = ['examples/briefs.json', 'examples/prompts.jsonl'];
  const { briefs } = await compilePaths(files, { models });
  const wrong: string[] = [];
  for (const { id, body } of briefs) {
    const content = JSON.parse(body) as { model: string; params?: Record<string, unknown> };
    const model = models.find((known) => known.id === content.model);
    for (const [key, value] of Object.entries(content.params ?? {})) {
      const param = model?.params.find((known) => known.key === key);
      const isOffered = param?.options.includes(String(value)) ?? key === 'dialogue';
      const isNumber = param?.type === 'number' && typeof value === 'number';
      if (!isOffered && !isNumber) wrong.push(`${id}: ${key}=${String(value)}`);
    }
  }
  expect(wrong).toEqual([]);
});

it('docs/steps.md shows the recipe of examples/', async () => {
  const [, shown = ''] = /^```yaml\n(files:.*?)^```$/ms.exec(readPage('docs/steps.md')) ?? [];
  const recipe = await readFile('examples/steps.yaml', 'utf8');
  expect(recipe.replace(/^#.*\n/gm, '')).toBe(shown);
});

test('steps.yaml is checked as docs/steps.md shows it, and runs (S1)', async ({ openDesk }) => {
  const desk = await openDesk({ speed: Number.POSITIVE_INFINITY });
  const { code, stdout } = await desk.run(['check', '--recipe', resolve('examples/steps.yaml')]);
  expect(code).toBe(0);
  const [, block = ''] = /^```\n(10 rows.*?)^```$/ms.exec(readPage('docs/steps.md')) ?? [];
  expect(block).not.toBe('');
  expect(stdout).toContain(block);
  const run = ['run', '--recipe', resolve('examples/steps.yaml'), '--out', 'out', ...fast];
  const made = await desk.run(run);
  expect({ code: made.code, stderr: made.stderr }).toMatchObject({ code: 0 });
  expect(await auditRun(desk, { out: 'out', batch: 'steps', briefs: 30 })).toEqual([]);
  const lines = new Map((await desk.lines('out')).map((line) => [line.brief_id, line]));
  const [caption, still, film] = ['caption', 'still', 'film'].map((name) =>
    lines.get(`00101/${name}`),
  );
  expect(caption?.text).toMatch(/lamp/);
  expect(still?.prompt).toBe(`${caption?.text} Studio photo, soft daylight.`);
  expect(film?.params.referenceMediaItems).toEqual([
    { kind: 'image', url: `sha256:${still?.assets[0]?.sha256}` },
  ]);
});

test.for([
  ['alt-texts.yaml', 68],
  ['descriptions.yaml', 136],
  ['translations.yaml', 204],
] as const)(
  '%s makes a text of each brief, and rejects none (S1)',
  async ([name, briefs], { openDesk }) => {
    const desk = await openDesk({ speed: Number.POSITIVE_INFINITY });
    const recipe = ['--recipe', resolve('examples', name)];
    const checked = await desk.run(['check', ...recipe, '--json']);
    expect(JSON.parse(checked.stdout)).toMatchObject({ briefs, rejected: 0, findings: [] });
    const { code, stderr } = await desk.run([
      'run',
      ...recipe,
      '--limit',
      '3',
      '--out',
      'out',
      ...fast,
    ]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const made = (3 * briefs) / 68;
    const batch = name.replace('.yaml', '');
    expect(await auditRun(desk, { out: 'out', batch, briefs: made })).toEqual([]);
    for (const { text } of await desk.lines('out')) expect(text).toMatch(/\w/);
  },
);
