import { stripVTControlCharacters } from 'node:util';
import { describe, expect } from 'vitest';
import { fast, mapping, productsCsv, test } from '../support/cli.js';
import { atTerminal } from '../support/terminal.js';

const withTerminal = describe.skipIf(process.platform !== 'linux');

function submitsOf(desk: { simulator: { bill(): { requests: { byEndpoint: object } } } }) {
  return (desk.simulator.bill().requests.byEndpoint as { submit?: object }).submit;
}

test('check shows the plan on one screen, and everything of it as JSON', async ({ openDesk }) => {
  const desk = await openDesk({ credits: 4 });
  await desk.write('in.csv', productsCsv(9));
  const check = ['check', 'in.csv', ...mapping];
  const { stdout, code } = await desk.run(check);
  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual([
    '9 rows: 9 briefs to make (0 duplicates, 0 rejected).',
    '  models     9 with z-image',
    '  requests   18 to 27: 9 submissions, and one or two checks of each task',
    '  credits    9 to 27 credits (from the base price up: the API tells the price',
    '             when it charges)',
    '  balance    4 credits: empty between row 3 of in.csv and row 6 of in.csv',
    '  time       27 to 37 s, at 2 requests/s, 8 tasks at once, 15 s each (assumed)',
    '  first      row 2, 00001, z-image: Photo of Product 1',
    '  middle     row 6, 00005, z-image: Photo of Product 5',
    '  last       row 10, 00009, z-image: Photo of Product 9',
    '',
  ]);
  const json = JSON.parse((await desk.run([...check, '--json', '--rate', '9'])).stdout);
  expect(json).toMatchObject({
    ...{ rows: 9, briefs: 9, rejected: 0, duplicates: 0, wallet: 4, modelList: 'api' },
    models: [{ model: 'z-image', briefs: 9 }],
    requests: { submits: 9, least: 18, most: 27 },
    forecast: { briefs: 9, charged: 0, least: 9, most: 27, emptyAtLeast: { row: 6 } },
    time: {
      left: { kind: 'known' },
      rate: { perSecond: 9, from: 'told' },
      places: { most: 8, from: 'assumed' },
      task: { ms: 15_000, from: 'assumed' },
    },
    examples: [{ row: 2, prompt: 'Photo of Product 1' }, { row: 6 }, { row: 10 }],
    ...{ warnings: [], findings: [] },
  });
  expect(submitsOf(desk)).toBeUndefined();
});

test('a run tells its plan before it sends anything, by what was learned, and does not ask a pipe', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', productsCsv(3));
  const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast, '--ask-above', '0'];
  const first = await desk.run(run);
  expect(first.code).toBe(0);
  expect(first.stderr).toContain('credits    3 to 9 credits (from the base price');
  await desk.write('in.csv', productsCsv(5));
  expect(first.stdout).toContain('3 credits spent.');
  const second = await desk.run([...run, '--json']);
  expect(second.stderr).toContain('5 rows: 5 briefs, 2 of them to make');
  expect(second.stderr).toContain('credits    2 credits (as charged before)');
  expect(JSON.parse(second.stdout)).toMatchObject({
    exit_code: 0,
    plan: {
      forecast: { briefs: 2, charged: 2, least: 2, most: 2 },
      time: { rate: { from: 'told' }, task: { from: 'learned' } },
      examples: [{ row: 2 }, { row: 4 }, { row: 6 }],
    },
  });
  const third = await desk.run(run);
  expect(third.stdout).toContain('5 credits spent by this batch in all.');
  const { stdout } = await desk.run(['check', 'in.csv', '--out', 'out', ...mapping]);
  expect(stdout).toContain('5 rows: 5 briefs, 0 of them to make');
  // What is not made is no example.
  expect(stdout).not.toMatch(/^ {2}first/m);
});

withTerminal('at a terminal', () => {
  test('the plan fits into 80 columns, whatever the prompts hold', async ({ openDesk }) => {
    const desk = await openDesk();
    const prompts = ['漢字'.repeat(60), `x\u001b[2J${'word '.repeat(40)}`, 'a\nb'.repeat(50)];
    const items = prompts.map((prompt, at) => ({ id: `id-${at}`, model: 'z-image', prompt }));
    await desk.write('in.json', JSON.stringify(items));
    const { text, code } = await atTerminal(desk, ['check', 'in.json']);
    expect(code).toBe(0);
    const lines = stripVTControlCharacters(text).split('\r\n');
    expect(lines).toContainEqual(
      expect.stringMatching(/^ {2}middle +row 2, id-1, z-image: x ?word/),
    );
    // Of Chinese, each character takes two columns.
    const columnsOf = (line: string) => line.length + (line.match(/\p{Script=Han}/gu) ?? []).length;
    expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(80);
    expect(text).not.toContain('\u001b[2J');
  });

  test('bad rows are told by kind, in lines of 80 columns', async ({ openDesk }) => {
    const desk = await openDesk();
    const rows = Array.from({ length: 200 }, (_, at) => {
      const kinds = [`A${at},,z-image,1:1`, `A${at},Lamp,z-imag,1:1`, `A${at},Lamp,z-image,7:3`];
      return at % 4 === 3 ? `A${at},${'x'.repeat(1100)},z-image,1:1` : kinds[at % 4];
    });
    const further = ['B1,Mug,z-image,16:9', 'B2,Bowl,z-image,1:1'];
    await desk.write('in.csv', ['id,title,model,ratio', ...rows, ...further, ''].join('\n'));
    const making = ['--prompt', '{{title}}', '--param', 'aspect_ratio={{ratio}}'];
    const check = ['check', 'in.csv', ...making, '--where', 'title != Mug'];
    const { text, code } = await atTerminal(desk, check);
    expect(code).toBe(2);
    const lines = stripVTControlCharacters(text).split('\r\n');
    expect(lines[0]).toBe(
      '201 rows: 1 brief to make (0 duplicates, 200 rejected); 1 more row left out.',
    );
    expect(lines.filter((line) => line.startsWith('  - 50 rows ('))).toHaveLength(4);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(text).not.toContain('{"');
    const { stderr } = await desk.run(check);
    const faults = stderr.split('\n').filter((line) => line.startsWith('{'));
    expect(faults).toHaveLength(200);
    expect(JSON.parse(faults[0] ?? '')).toMatchObject({ row: 2, id: 'A0', rule: 'empty_value' });
  });

  test('a no spends nothing and ends as an interrupted run does; a yes goes on (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(4));
    const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast, '--ask-above', '11'];
    const asked = 'This may spend up to 12 credits. Go on? [y/N]';
    const no = await atTerminal(desk, run, { answers: { [asked]: 'n\r' } });
    expect(no.text).toContain('Nothing was sent.');
    expect(no.code).toBe(130);
    expect(submitsOf(desk)).toBeUndefined();
    const yes = await atTerminal(desk, run, { answers: { [asked]: 'y\r' } });
    expect(yes.text).toContain('4 succeeded');
    expect(yes.code).toBe(0);
    expect(submitsOf(desk)).toEqual({ 200: 4 });
    const [line] = await desk.lines('out');
    const retry = ['retry', 'out', '--ids', line?.brief_id ?? ''];
    const kept = await atTerminal(desk, retry, { answers: { 'Go on? [y/N]': 'n\r' } });
    expect(kept.text).toContain('Nothing was changed.');
    expect(kept.code).toBe(130);
  });

  test('it does not ask below the threshold, nor with --yes; a no leaves a finished batch finished', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
    const cheap = await atTerminal(desk, run);
    expect(cheap.code).toBe(0);
    expect(cheap.text).not.toContain('Go on?');
    const capped = [...run, '--batch', 'capped', '--out', 'capped', '--ask-above', '1'];
    expect((await atTerminal(desk, [...capped, '--max-credits', '1'])).code).toBe(4);
    await desk.write('in.csv', productsCsv(3));
    const asking = [...run, '--ask-above', '0'];
    const no = await atTerminal(desk, asking, { answers: { 'Go on?': '\u0003' } });
    expect(no.code).toBe(130);
    const { stdout } = await desk.run(['status', 'out', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'finished', counts: { admitted: 2 } });
    expect((await atTerminal(desk, [...asking, '--yes'])).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(4);
  });

  test('a no to --fresh leaves the finished batch as it was, and nothing is paid again (S1, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
    expect((await desk.run(run)).code).toBe(0);
    const before = await desk.read('out/manifest.jsonl');
    const asking = [...run, '--fresh', '--ask-above', '0'];
    const no = await atTerminal(desk, asking, { answers: { 'Go on? [y/N]': 'n\r' } });
    expect(no.code).toBe(130);
    expect(await desk.read('out/manifest.jsonl')).toBe(before);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    const { stdout } = await desk.run(['status', 'out', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'finished', counts: { succeeded: 3 } });
    expect((await desk.run(run)).stdout).toContain('nothing was sent or spent');
    expect(desk.simulator.bill().total.tasks).toBe(3);
    const yes = await atTerminal(desk, asking, { answers: { 'Go on? [y/N]': 'y\r' } });
    expect(yes.code).toBe(0);
    expect(yes.text.match(/Go on\?/g)).toHaveLength(1);
    expect(desk.simulator.bill().total.tasks).toBe(6);
  });
});
