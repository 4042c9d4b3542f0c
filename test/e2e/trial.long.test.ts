import { expect } from 'vitest';
import { resultKind } from '../../src/review/find-briefs.js';
import { fast, mapping, productsCsv, test } from '../support/cli.js';
import { readSheet } from '../support/read-sheet.js';

test('a trial runs a sample, shows it, and the next run makes the rest without paying again (S1, S4)', async ({
  openDesk,
}) => {
  const desk = await openDesk({ faults: ['task-fails:1x:prompt=Product 4'] });
  await desk.write('in.csv', `${productsCsv(10)}00011,\n`);
  const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast, '--skip-invalid'];
  const trial = await desk.run([...run, '--trial', '3']);
  expect(trial.code).toBe(3);
  expect(trial.stdout).toContain('Trial of 3 briefs: 2 of 3 succeeded, for 2 credits');
  expect(trial.stdout.replaceAll(/\n +/g, ' ')).toMatch(
    /The rest, by that: 7 briefs for 7 credits; .* 33 % fail .* 2 briefs/,
  );
  expect(trial.stdout).toMatch(/^ {2}npx rivya-batch continue out$/m);
  expect(desk.simulator.bill().total.tasks).toBe(3);
  const sampled = (await desk.lines('out')).map(({ row }) => row).sort((a, b) => a - b);
  expect(sampled).toEqual([3, 5, 10]);
  expect((await desk.run(['verify', 'out'])).code).toBe(0);

  const { briefs } = readSheet(await desk.read('out/contact-sheet.html'));
  expect(briefs.flatMap(({ files }) => files.map(({ path }) => path))).toContain(
    'assets/00002.png',
  );
  expect(briefs.map(({ prompt }) => prompt).join()).toContain('Photo of Product 9');
  const failed = briefs.filter(({ status }) => status === 'failed').map(({ error }) => error);
  expect(failed).toMatchObject([{ code: 'generation_failed', message: 'The generation failed.' }]);

  const again = await desk.run([...run, '--trial', '3', '--json']);
  expect(JSON.parse(again.stdout)).toMatchObject({
    trial: { briefs: 3, succeeded: 2, others: 1, credits: 2, left: { forecast: { briefs: 7 } } },
  });
  expect(desk.simulator.bill().total.tasks).toBe(3);

  expect((await desk.run(run)).code).toBe(3);
  const bill = desk.simulator.bill();
  expect(bill.total.tasks).toBe(10);
  expect(Object.values(bill.byPrompt).every(({ tasks }) => tasks === 1)).toBe(true);
  expect((await desk.report('out')).counts).toMatchObject({
    ...{ rows: 11, briefs: 11, rejected: 1, duplicate: 0 },
    ...{ admitted: 10, succeeded: 9, failed: 1, pending: 0 },
  });
  expect((await desk.run(['verify', 'out'])).code).toBe(0);
  // What the trial made first still stands where the input has it.
  const table = (await desk.read('out/manifest.csv')).trimEnd().split('\n').slice(1);
  expect(table.map((row) => row.slice(0, 5))).toEqual(
    Array.from({ length: 10 }, (_, at) => String(at + 1).padStart(5, '0')),
  );
});

test('what a trial made is not made again by the run after it, with --fresh neither (S1)', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', productsCsv(5));
  const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
  expect((await desk.run(run)).code).toBe(0);
  const trial = await desk.run([...run, '--fresh', '--trial', '2']);
  expect(trial.code).toBe(0);
  expect(trial.stdout).toMatch(/To make the rest.*\n {2}npx rivya-batch continue out$/m);
  expect(desk.simulator.bill().total.tasks).toBe(7);
  expect((await desk.run(run)).code).toBe(0);
  expect(desk.simulator.bill().total.tasks).toBe(10);
  const refused = await desk.run([...run, '--force', '--trial', '2']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('--trial and --force cannot be used together');
  expect(desk.simulator.bill().total.tasks).toBe(10);
});

test('a trial takes some of every model, and refuses a batch that has more under way', async ({
  openDesk,
}) => {
  const desk = await openDesk({ speed: Number.POSITIVE_INFINITY });
  const items = [
    ...Array.from({ length: 12 }, (_, at) => ({ id: `i${at}`, model: 'z-image' })),
    { id: 'film', model: 'kling-2-6' },
    { id: 'song', model: 'suno-music' },
  ];
  await desk.write('in.json', JSON.stringify(items));
  const run = ['run', 'in.json', '--out', 'out', '--prompt', 'p', ...fast];
  expect((await desk.run([...run, '--trial', '4'])).code).toBe(0);
  const models = (await desk.lines('out')).map(({ model }) => model).sort();
  expect(models).toEqual(['kling-2-6', 'suno-music', 'z-image', 'z-image']);
  const { briefs } = readSheet(await desk.read('out/contact-sheet.html'));
  const kinds = briefs.map((brief) => `${brief.id} ${resultKind(brief)}`);
  expect(kinds).toEqual(expect.arrayContaining(['film film', 'song sound']));

  expect((await desk.run([...run, '--max-credits', '70'])).code).toBe(4);
  const tasks = desk.simulator.bill().total.tasks;
  const refused = await desk.run([...run, '--trial', '4', '--max-credits', '500']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/briefs under way that are not of this trial/);
  expect(desk.simulator.bill().total.tasks).toBe(tasks);
  expect((await desk.run([...run, '--max-credits', '500'])).code).toBe(0);
  expect(desk.simulator.bill().total.tasks).toBe(14);
});

test('a contact sheet can be had of any results, and takes nothing in them for HTML', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write(
    'in.csv',
    'id,model,prompt\n"a#1 ""x""",z-image,"<script>alert(1)</script> & so"\n',
  );
  expect((await desk.run(['run', 'in.csv', '--out', 'out', ...fast])).code).toBe(0);
  const { code, stdout } = await desk.run(['sheet', 'out']);
  expect([code, stdout]).toEqual([0, 'out/contact-sheet.html\n']);
  const sheet = await desk.read('out/contact-sheet.html');
  expect(sheet).not.toContain('<script>alert');
  expect(readSheet(sheet).briefs).toMatchObject([
    { id: 'a#1 "x"', prompt: '<script>alert(1)</script> & so' },
  ]);
  expect((await desk.run(['verify', 'out'])).code).toBe(0);
  expect((await desk.run(['sheet', 'nowhere'])).code).toBe(2);
});
