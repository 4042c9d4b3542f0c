import { parse } from 'csv-parse/sync';
import { describe, expect } from 'vitest';
import { manifestLine } from '../shared/manifest-lines.js';
import { type Desk, fast, test } from '../support/cli.js';
import { readPage, shownCommands } from '../support/pages.js';

const recipe = `
files: lamps.csv
out: out
id: '{{sku}}'
model: z-image
outputs:
  white: { prompt: '{{title}} on white' }
  room: { prompt: '{{title}} in a room', model: [z-image, qwen-image] }
`;
const lamps = 'sku,title,Campaign\n1,Desk lamp,spring\n2,Wall lamp,=spring\n3,Floor lamp,\n';

interface Figures {
  key: string | null;
  briefs: number;
  spent: number;
  spent_on_failed: number;
  spent_on_earlier: number;
  per_succeeded: number | null;
}

async function costs(desk: Desk, words: string[]): Promise<{ groups: Figures[]; total: Figures }> {
  const { code, stdout, stderr } = await desk.run(['costs', ...words, '--json']);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as { groups: Figures[]; total: Figures };
}

test("costs are what the API's bill says, whatever they are grouped by, a charged failure and a retry included", async ({
  openDesk,
}) => {
  const desk = await openDesk({
    faults: [{ fault: { kind: 'task-fails', code: 'nsfw', charge: 'kept' }, times: 2 }],
  });
  await desk.write('lamps.csv', lamps);
  await desk.write('lamps.yaml', recipe);
  expect((await desk.run(['run', '--recipe', 'lamps.yaml', ...fast])).code).toBe(3);
  const retried = await desk.run(['retry', 'out', '--yes', '--run']);
  expect(retried.code, retried.stderr).toBe(0);
  const { spent } = desk.simulator.bill().total;

  // By its name it is found as well.
  const { total } = await costs(desk, ['out', 'out']);
  expect(total).toMatchObject({ briefs: 9, succeeded: 9, spent, in_doubt: 0 });
  expect(total.spent_on_failed).toBeGreaterThan(0);
  expect(total.spent_on_earlier).toBe(total.spent_on_failed);
  for (const by of ['batch', 'run', 'model', 'output', 'campaign', 'column:sku']) {
    const { groups } = await costs(desk, ['out', '--by', by]);
    const sum = (field: 'briefs' | 'spent') => groups.reduce((all, group) => all + group[field], 0);
    expect([by, sum('briefs'), sum('spent')]).toEqual([by, 9, spent]);
  }
  const keysBy = async (by: string) =>
    (await costs(desk, ['out', '--by', by])).groups.map(({ key }) => key).sort();
  expect(await keysBy('run')).toEqual(['1', '2']);
  expect(await keysBy('output')).toEqual(['room/qwen-image', 'room/z-image', 'white']);
  expect(await keysBy('model')).toEqual(['qwen-image', 'z-image']);
  expect(await keysBy('Campaign')).toEqual(['=spring', null, 'spring'].sort());
  const { stdout } = await desk.run(['costs', 'out', '--by', 'Campaign', '--csv']);
  const table = parse(stdout, { columns: true }) as { Campaign: string; briefs: string }[];
  expect(table.map((row) => [row.Campaign, row.briefs]).sort()).toEqual([
    ["'=spring", '3'],
    ['', '3'],
    ['spring', '3'],
  ]);
});

describe.concurrent('costs of folders', () => {
  const write = (desk: Desk, folder: string, patches: Parameters<typeof manifestLine>[0][]) =>
    desk.write(
      `${folder}/manifest.jsonl`,
      patches.map((patch) => `${JSON.stringify(manifestLine(patch))}\n`).join(''),
    );

  test('several of them have a total, and runs of one number are told apart', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await write(desk, 'may', [{ batch: 'may', task_id: 'a' }]);
    await write(desk, 'june', [{ batch: 'june', task_id: 'b', output: 'white' }]);
    // Begun, and nothing made yet.
    await desk.write('july/run.json', '{"batch":"july"}');
    const byRun = await costs(desk, ['may', 'june', 'may', 'july', '--by', 'run']);
    expect(byRun.groups.map(({ key }) => key)).toEqual(['may 1', 'june 1']);
    expect(byRun.total.spent).toBe(2);
    const { stdout } = await desk.run(['costs', 'may', 'june', '--by', 'output']);
    const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(rows.slice(0, 4)).toEqual([
      ['output', 'briefs', 'made', 'credits', 'failed', 'earlier', 'for each', 'in doubt'],
      ['(none)', '1', '1', '1', '0', '0', '1', '0'],
      ['white', '1', '1', '1', '0', '0', '1', '0'],
      ['total', '2', '2', '2', '0', '0', '1', '0'],
    ]);
  });

  test('of many groups the table shows the largest, and the rest in one row', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const lines = Array.from({ length: 60 }, (_, index) => ({
      task_id: `t${index}`,
      input: { sku: `sku ${index}` },
      credits: { reserved: 1, final: index },
    }));
    await write(desk, 'out', lines);
    const { stdout } = await desk.run(['costs', 'out', '--by', 'sku']);
    const rows = stdout.trimEnd().split('\n');
    expect(rows).toHaveLength(1 + 50 + 1 + 1);
    expect(rows[1]).toMatch(/^sku 59 /);
    expect(rows[51]).toMatch(/^\(10 others\) +10 +10 +45 /);
    const { groups } = await costs(desk, ['out', '--by', 'sku']);
    expect(groups).toHaveLength(60);
  });

  test('docs/costs.md shows what is printed', async ({ openDesk }) => {
    const desk = await openDesk();
    const lines = (category: string, status: 'succeeded' | 'failed' | 'unknown', count: number) =>
      Array.from({ length: count }, (_, index) => ({
        ...{ task_id: `${category} ${status} ${index}`, status, input: { category } },
        credits: { reserved: 5, final: status === 'unknown' ? null : 5 },
      }));
    await write(desk, 'out/catalog', [
      ...lines('Kitchen', 'succeeded', 410),
      ...lines('Kitchen', 'unknown', 2),
      ...lines('Lighting', 'succeeded', 96),
      ...lines('Lighting', 'failed', 4),
    ]);
    await desk.write(
      'out/catalog/history.jsonl',
      lines('Kitchen', 'failed', 12)
        .map((line) => `${JSON.stringify(manifestLine(line))}\n`)
        .join(''),
    );
    const [shown] = shownCommands('docs/costs.md');
    const { stdout, stderr } = await desk.run(shown?.words ?? []);
    const [, block = ''] = /^```\n(category.*?)^```$/ms.exec(readPage('docs/costs.md')) ?? [];
    expect(block).toBe(stdout);
    expect(stderr).toContain('"in doubt": attempts whose cost is not known; 10 of');
  });

  test('a column that there is not is named, with the nearest', async ({ openDesk }) => {
    const desk = await openDesk();
    await write(desk, 'out', [{ input: { Campaign: 'spring' } }]);
    const { code, stderr } = await desk.run(['costs', 'out', '--by', 'campain']);
    expect(code).toBe(2);
    expect(stderr).toContain('Campaign');
    expect((await desk.run(['costs', 'none-there'])).code).toBe(2);
    const file = await desk.run(['costs', 'out', 'out/manifest.jsonl']);
    expect(file.code).toBe(2);
    expect(file.stderr).toContain('There is no out/manifest.jsonl/manifest.jsonl');
  });
});
