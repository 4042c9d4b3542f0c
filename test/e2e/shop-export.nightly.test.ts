import { expect } from 'vitest';
import { auditRun } from '../support/audit-run.js';
import { test } from '../support/cli.js';
import { rowsPerProduct, shopExport } from '../support/shop-export.js';

const products = 1000;
/** Every tenth product is a draft, and one row of each has no SKU. */
const sold = (products * 9 * 3) / 10;
/** Lamps have no picture on a table: every third product, of which again every tenth is a draft. */
const lamps = Array.from({ length: products }, (_, at) => at).filter(
  (at) => at % 3 === 0 && at % 10 !== 9,
).length;
const briefs = sold * 2 - lamps * 3;

const recipe = `
files: products.csv
out: ../results
batch: shop
id: '{{ Variant SKU }}'
model: z-image
fill-down: [Title, Body (HTML), Type, Option1 Name, Status]
fill-down-within: handle
where: [variant sku, Status = active]
name: '{{ Title | slugify }}-{{ Option1 Value | slugify }}-{{n}}'
rate: 5000
in-flight: 1500
concurrency: 64
outputs:
  white:
    prompt: >-
      {{ Title | title }} in {{ Option1 Value | lower }}{% if Variant Price > 50 %}, precious{% endif %}.
      {{ Body (HTML) | default: "" | truncate: 300 }}
    params: { aspect_ratio: 1:1 }
  table:
    prompt: '{{ Title | strip_newlines | replace: "MUG", "Mug" }} on a table. {{ Body (HTML) | default: Type }}'
    when: Type != Lamps
`;

test(`the export of a shop with ${products * rowsPerProduct} rows, by a recipe (S1, S4, S5)`, async ({
  openDesk,
}) => {
  const desk = await openDesk({ speed: Number.POSITIVE_INFINITY, credits: 1_000_000 });
  await desk.write('catalog/products.csv', shopExport(products));
  await desk.write('catalog/shop.yaml', recipe);
  const command = ['--recipe', 'catalog/shop.yaml'];

  const checked = await desk.run(['check', ...command, '--json']);
  expect(JSON.parse(checked.stdout)).toMatchObject({
    rows: sold,
    briefs,
    rejected: 0,
    duplicates: 0,
    leftOut: products * rowsPerProduct - sold,
    warnings: [],
    findings: [],
  });

  const { code, stderr } = await desk.run(['run', ...command]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(await auditRun(desk, { out: 'results', batch: 'shop', briefs })).toEqual([]);
  expect(await desk.run(['verify', 'results'])).toMatchObject({ code: 0 });

  const lines = await desk.lines('results');
  // "&lt;3" is text that looks like a tag's beginning.
  const withHtml = lines.filter(({ prompt }) => /<[^3]|&\w+;|alert|old text/.test(prompt ?? ''));
  expect(withHtml.map(({ prompt }) => prompt)).toEqual([]);
  const promptOf = (id: string) => lines.find(({ brief_id }) => brief_id === id)?.prompt;
  expect(
    ['00004-2/white', '00001-1/table', '00042-1/white', '00007-1/table'].map(promptOf),
  ).toEqual([
    'Mug "No. 4",\nÉtoile in charcoal. Glazed by hand in two dips; the foot is left bare.\n- Height: 9 cm\n- Dishwasher & microwave safe',
    'Mug "No. 1",étoile on a table. Turned from one piece of oak\nShade of "pleated" paper – 50 × 50 cm\nSocket E27',
    'Mug "No. 42",\nÉtoile in sand, precious. Merino, soft <3 & light\n\n 1. Wash at 30°\n 2. Dry flat',
    'Mug "No. 7",étoile on a table. Mugs',
  ]);

  const names = await desk.assets('results');
  expect(names).toHaveLength(briefs);
  const misnamed = names.filter(
    (name) => !/^mug-no-\d+-étoile-(sea-blue|sand|charcoal)-[12]\.png$/.test(name),
  );
  expect(misnamed).toEqual([]);

  const again = await desk.run(['run', ...command]);
  expect(again).toMatchObject({ code: 0 });
  expect(desk.simulator.bill().total.tasks).toBe(briefs);
});
