import { parse } from 'csv-parse/sync';
import { expect } from 'vitest';
import { type Desk, fast, mapping, test } from '../support/cli.js';

const table =
  'sku,title,params.aspect_ratio\n1,Mug,5:4\n2,=SUM(1),1:1\n3,Lamp,9:99\n=4,Vase,1:1x\n';

function submits(desk: Desk) {
  return desk.simulator.bill().requests.byEndpoint.submit;
}

/** The models as the API lists them, with changes. */
function openWith(openDesk: (options: object) => Promise<Desk>, models: object): Promise<Desk> {
  return openDesk({ models });
}

test('what the model does not take is found row by row before anything is sent', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', table);
  const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
  const refused = await desk.run(run);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(
    /3 rows \(2, 4, 5\), the first: param aspect_ratio cannot be "5:4"/,
  );
  expect(submits(desk)).toBeUndefined();
  const json = (await desk.read('out/rejected.jsonl')).trimEnd().split('\n');
  expect(json.map((line) => JSON.parse(line))).toMatchObject(
    [2, 4, 5].map((row) => ({ row, rule: 'not_an_option', column: 'params.aspect_ratio' })),
  );
  const csv = parse(await desk.read('out/rejected.csv'), { columns: true }) as object[];
  expect(csv).toMatchObject([
    { source: 'in.csv', row: '2', id: '1', rule: 'not_an_option' },
    { row: '4', id: '3' },
    // A spreadsheet must not run it.
    { row: '5', id: "'=4" },
  ]);
  expect((await desk.run([...run, '--skip-invalid'])).code).toBe(0);
  expect(submits(desk)).toEqual({ 200: 1 });
  expect((await desk.run(['verify', 'out'])).code).toBe(0);
});

test('an unknown param is passed on with a warning; --strict refuses it', async ({ openDesk }) => {
  const desk = await openDesk();
  await desk.write('in.csv', 'sku,title\n1,Mug\n2,Lamp\n');
  const check = ['check', 'in.csv', ...mapping, '--param', 'aspect_ration=1:1'];
  const lenient = await desk.run(check);
  expect(lenient.code).toBe(0);
  expect(lenient.stdout).toMatch(/2 rows \(2, 3\): z-image has no param "aspect_ration"/);
  const json = JSON.parse((await desk.run([...check, '--json'])).stdout);
  expect(json).toMatchObject({
    modelList: 'api',
    warnings: [{ rule: 'unknown_param', model: 'z-image', param: 'aspect_ration', count: 2 }],
    findings: [],
  });
  const strict = await desk.run([...check, '--strict', '--json']);
  expect(strict.code).toBe(2);
  expect(JSON.parse(strict.stdout)).toMatchObject({
    rejected: 2,
    findings: [{ rule: 'unknown_param', count: 2, firstRows: [{ row: 2 }, { row: 3 }] }],
  });
});

test('models go by the list that the API has now', async ({ openDesk }) => {
  const desk = await openWith(openDesk, {
    'brand-new': { params: [], max_prompt_length: 20 },
    'kling-2-6': { api_status: 'studio_only' },
    'qwen-image': null,
  });
  const items = ['brand-new', 'kling-2-6', 'qwen-image'].map((model) => ({
    model,
  }));
  await desk.write('in.json', JSON.stringify(items));
  const checked = await desk.run(['check', 'in.json', '--prompt', 'a lamp', '--json']);
  expect(JSON.parse(checked.stdout)).toMatchObject({
    briefs: 1,
    models: [{ model: 'brand-new', briefs: 1 }],
    findings: [
      { rule: 'model_not_callable', firstRows: [{ row: 2 }] },
      { rule: 'unknown_model', firstRows: [{ row: 3 }] },
    ],
  });
  expect(checked.stdout).toContain('did you mean \\"qwen2-image\\"?');
});

test('without the API a copy stands in for its list, and says so', async ({ openDesk }) => {
  const desk = await openWith(openDesk, { 'brand-new': { params: [] } });
  await desk.write('in.csv', 'id,model,prompt\n1,brand-new,p\n2,no-such-one,p\n');
  const nowhere = { environment: { RIVYA_BASE_URL: 'http://127.0.0.1:1' } };
  const bundled = await desk.run(['check', 'in.csv'], nowhere);
  expect(bundled.code).toBe(0);
  expect(bundled.stderr).toMatch(
    /did not give its list of models.*list that came with this version/,
  );
  expect(bundled.stdout).toMatch(/"brand-new" is not in the list/);

  const asked = await desk.run(['check', 'in.csv']);
  expect(asked.code).toBe(2);
  expect(asked.stderr).not.toContain('did not give its list');
  desk.simulator.control({ faults: ['api-disabled'] });
  const kept = await desk.run(['check', 'in.csv']);
  expect(kept.code).toBe(0);
  expect(kept.stderr).toMatch(/\(public_api_disabled\): its list of \d+ s ago is used/);
  expect(kept.stdout).not.toContain('"brand-new"');
  expect(kept.stdout).toContain('"no-such-one" is not in the list');
});

test('an empty list is no list', async ({ openDesk }) => {
  const desk = await openDesk();
  const json = JSON.parse((await desk.run(['models', '--json'])).stdout);
  expect(json.source).toBe('api');
  const none = Object.fromEntries(json.models.map(({ id }: { id: string }) => [id, null]));
  desk.simulator.control({ models: none });
  const { stdout, stderr } = await desk.run(['models']);
  expect(stderr).toMatch(/its list is empty\): its list of/);
  expect(stdout).toContain('z-image');
});
