import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment } from '../support/crash-points.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];

/** Two files, neither of which is a result, however often they are fetched. */
const faults = ['many-urls=2', 'download-bad-picture=flat'];

async function openDesk(): Promise<Desk> {
  const desk = await Desk.open({ speed: Number.POSITIVE_INFINITY, tinyMedia: false, faults });
  await desk.write('in.csv', productsCsv(1));
  return desk;
}

/** Everything that has to be as it is, wherever the first command was killed. */
async function outcome(desk: Desk) {
  const { code } = await desk.run(run);
  const [line, ...others] = await desk.lines('out');
  const verified = await desk.run(['verify', 'out', '--json']);
  const { ok, warnings } = JSON.parse(verified.stdout) as { ok: boolean; warnings: unknown[] };
  const { total, billedTwice } = desk.simulator.bill();
  return {
    ...{ code, others, ok, warnings, billedTwice, tasks: total.tasks, spent: total.spent },
    status: line?.status,
    error: line?.error?.code,
    files: line?.assets.map(({ path }) => path),
    charged: line?.credits.final,
    aside: await readdir(join(desk.folder, 'out', 'aside')),
    assets: (await desk.assets('out')).filter((name) => !name.endsWith('.part')),
  };
}

/** What is done with its files, from their last look at the task to its line. */
const ofFiles = /setAside|keep|saveAssets|endBrief|rereadTask/;
/** SWEEP=all for every point; otherwise those at which files get their names, which are few. */
const swept = process.env.SWEEP === 'all' ? ofFiles : /setAside/;
const atOnce = 4;

test('S1 S5: killed while a picture that is none is set aside, it is kept, told once, and not paid again', async () => {
  const recorded = await openDesk();
  const record = join(recorded.folder, 'points');
  const environment = crashEnvironment(recorded, { record });
  const first = await recorded.run(run, { environment });
  expect(first.code, first.stderr).toBe(3);
  const wanted = await outcome(recorded);
  expect(wanted).toMatchObject({
    ...{ code: 3, ok: true, tasks: 1, spent: 1, status: 'failed', error: 'asset_invalid' },
    files: ['aside/00001~try1~1.png', 'aside/00001~try1~2.png'],
  });
  const names = (await readFile(record, 'utf8')).trimEnd().split('\n');
  await recorded.close();
  const points = [...new Set(names.map((name) => JSON.parse(name) as string))].filter((name) =>
    swept.test(name),
  );
  expect(points.length).toBeGreaterThan(3);
  const strike = async (point: string) => {
    const desk = await openDesk();
    try {
      const killed = await desk.run(run, { environment: crashEnvironment(desk, { point }) });
      return { point, signal: killed.signal, ...(await outcome(desk)) };
    } finally {
      await desk.close();
    }
  };
  const struck: Awaited<ReturnType<typeof strike>>[] = [];
  for (let at = 0; at < points.length; at += atOnce) {
    struck.push(...(await Promise.all(points.slice(at, at + atOnce).map(strike))));
  }
  expect(struck.filter(({ signal }) => signal === 'SIGKILL').length).toBeGreaterThan(
    points.length / 2,
  );
  for (const { point, signal: _signal, ...found } of struck) {
    expect({ point, ...found }).toEqual({ point, ...wanted });
  }
});
