import { join } from 'node:path';
import { expect } from 'vitest';
import { readTotals } from '../../src/results/totals.js';
import { fast, test } from '../support/cli.js';

const recipe = `
files: lamps.csv
out: out
id: '{{sku}}'
outputs:
  white: { prompt: '{{title}} on white', model: z-image }
  room: { prompt: '{{title}} in a room', model: qwen-image }
`;
const lamps = `sku,title\n${Array.from({ length: 8 }, (_, index) => `${index},Lamp ${index}`).join('\n')}\n`;

test("totals are what the API's bill says, with refusals by their time and what a charged failure cost", async ({
  openDesk,
}) => {
  const desk = await openDesk({
    faults: [
      { fault: { kind: 'task-fails', code: 'nsfw', charge: 'kept' }, times: 2 },
      'rate-limited:3x:endpoint=submit',
    ],
  });
  await desk.write('lamps.csv', lamps);
  await desk.write('lamps.yaml', recipe);
  const out = join(desk.folder, 'out');
  const ran = await desk.run(['run', '--recipe', 'lamps.yaml', ...fast]);
  expect(ran.code, ran.stderr).toBe(3);
  const first = await readTotals(out);
  expect(first.money.spent).toBe(desk.simulator.bill().total.spent);
  expect(first.money).toMatchObject({ chargedThoughFailed: 2, earlier: 0 });
  expect(first.briefs).toMatchObject({ succeeded: 14, failed: 2 });
  expect(first.run).toMatchObject({
    requests: { refused: 3 },
    refusals: { rate: 3, places: 0, other: 0 },
  });
  expect(first.limit).toBe('rate');
  const points = first.series.stretches.flatMap((stretch) => stretch.points);
  expect(points.reduce((sum, point) => sum + point.refusedRate, 0)).toBe(3);

  const retried = await desk.run(['retry', 'out', '--yes', '--run']);
  expect(retried.code, retried.stderr).toBe(0);
  const { money, time, models, run } = await readTotals(out);
  expect(money.spent).toBe(desk.simulator.bill().total.spent);
  expect(money).toMatchObject({ earlier: first.money.failed, failed: 0, chargedThoughFailed: 0 });
  expect(models.map(({ model }) => model).sort()).toEqual(['qwen-image', 'z-image']);
  expect(models.every(({ price, making, fetching }) => price && making && fetching)).toBe(true);
  expect(run?.runs).toHaveLength(2);
  // The simulator says when its tasks end.
  expect(time?.unnoticedMs).not.toBeNull();
});
