import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { verifyFolder } from '../../src/results/verify/verify-folder.js';
import {
  type DeliveryOptions,
  deliverApproved,
} from '../../src/review/deliver/deliver-approved.js';
import { parseProfile } from '../../src/review/deliver/profile.js';
import { drawing } from '../pictures/pictures.js';
import { type Brief, DecidedFolder } from '../review/deliver/decided-folder.js';
import { startProcess } from '../support/running.js';

/** Kills what hands over at every point that changes something, in turn: see `crash-hook.mjs`. */
const hook = new URL('../support/crash-hook.mjs', import.meta.url).href;
const changing = /^(before|after) file (?!read|stat).*(approved|delivered)/;
/** Nearly all of the time, they wait for the lock of the dead one to end. */
const atOnce = 12;
const options: DeliveryOptions = {
  ...{ name: null, as: 'copies' },
  profile: parseProfile('size=40x40,format=jpeg'),
};

/** A folder from which something was handed over, and about which something else was decided since. */
async function decidedFolder(): Promise<DecidedFolder> {
  const picture = (size: number) => drawing(size, size).png().toBuffer();
  const briefs: Brief[] = [
    { brief_id: 'kept', contents: { 'kept.png': await picture(50) } },
    { brief_id: 'gone', contents: { 'gone.png': await picture(51) } },
    { brief_id: 'anew', contents: { 'again.png': await picture(52) } },
    { brief_id: 'film', contents: { 'film.mp4': 'a film' } },
    { brief_id: 'more', contents: { 'more.txt': 'a text' } },
  ];
  const folder = await DecidedFolder.make(briefs);
  await folder.results.report(
    { rows: 5, briefs: 5, admitted: 5, succeeded: 5, failed: 0 },
    { credits: { spent: 5 } },
  );
  await folder.decide('approved', 'kept', 'gone', 'anew');
  await folder.deliver(options);
  await writeFile(folder.at('mine.jpg'), 'mine');
  const [kept, gone, , film, more] = briefs;
  const anew = { attempt: 2, contents: { 'again~try2.png': await picture(53) } };
  await folder.replaceBriefs(
    [kept, gone, { brief_id: 'anew', ...anew }, film, more].flatMap((brief) => brief ?? []),
  );
  await folder.decide('approved', 'anew', 'film', 'more');
  await folder.decide('rejected', 'gone');
  await folder.results.writeTable();
  return folder;
}

async function expectComplete(out: string): Promise<void> {
  const files = (await readdir(join(out, 'approved'))).sort();
  expect(files).toEqual([
    ...['again.jpg', 'approved.csv', 'film.mp4', 'kept.jpg', 'mine.jpg', 'more.txt'],
  ]);
  for (const name of ['again.jpg', 'kept.jpg']) {
    expect(await sharp(join(out, 'approved', name)).metadata()).toMatchObject({ width: 40 });
  }
  expect(await readFile(join(out, 'approved/mine.jpg'), 'utf8')).toBe('mine');
  const record = (await readFile(join(out, 'delivered.jsonl'), 'utf8')).trimEnd().split('\n');
  const noted = record.map((line) => (JSON.parse(line) as { file: string }).file);
  expect(noted.sort()).toEqual(files.filter((name) => name !== 'mine.jpg'));
  expect(await verifyFolder(out)).toMatchObject({ ok: true, problems: [] });
}

const built = new URL('../../dist/review/deliver/deliver-approved.js', import.meta.url).href;

/** A process that does nothing but hand over, with the hook: the whole command takes seconds to begin. */
function handOver(out: string, crash: { CRASH_RECORD?: string; CRASH_POINT?: string }) {
  const call = `import(${JSON.stringify(built)}).then((module) => module.deliverApproved(${JSON.stringify(out)}, ${JSON.stringify(options)}))`;
  const environment = { PATH: process.env.PATH ?? '', CRASH_FOLDER: out, ...crash };
  const parameters = [`--import=${hook}`, '--input-type=module', '--eval', call];
  return startProcess(parameters, { input: '', folder: tmpdir(), environment }).finished;
}

test('what is killed anywhere while it hands over is completed by the next one (S5)', async () => {
  const folder = await decidedFolder();
  const copies = await mkdtemp(join(tmpdir(), 'handed-over-'));
  onTestFinished(() => rm(copies, { recursive: true, force: true }));
  const copyOf = async (name: string) => {
    const out = join(copies, name);
    await cp(folder.path, out, { recursive: true, preserveTimestamps: true });
    return out;
  };
  const record = join(copies, 'points');
  const whole = await copyOf('whole');
  expect(await handOver(whole, { CRASH_RECORD: record })).toMatchObject({ code: 0 });
  await expectComplete(whole);
  const recorded = (await readFile(record, 'utf8')).trimEnd().split('\n');
  const points = [...new Set(recorded)]
    .map((line) => JSON.parse(line) as string)
    .filter((point) => changing.test(point));
  expect(points.length).toBeGreaterThan(40);
  const limit = pLimit(atOnce);
  await Promise.all(
    points.map((point, at) =>
      limit(async () => {
        const out = await copyOf(`struck-${at}`);
        const struck = await handOver(out, { CRASH_POINT: point });
        expect(struck.signal, `${point}\n${struck.stderr}`).toBe('SIGKILL');
        await deliverApproved(out, options);
        await expectComplete(out).catch((cause: unknown) => {
          throw new Error(`killed ${point}`, { cause });
        });
        await rm(out, { recursive: true });
      }),
    ),
  );
});
