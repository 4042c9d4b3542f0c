import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { itemAddresses } from '../../src/shared/reference-items.js';
import { auditRun } from '../support/audit-run.js';
import { type Desk, fast, test } from '../support/cli.js';
import {
  filesByPrompt,
  picture,
  sha256Of,
  shotsCsv,
  writePictures,
} from '../support/reference-desk.js';
import { S3Server } from '../support/s3-server.js';
import { until } from '../support/until.js';

const model = ['--model', 'nano-banana'];
const run = ['run', 'in.csv', '--out', 'out', ...model, ...fast];
const pairOf = (row: number) => [(row % 12) + 1, ((row + 5) % 12) + 1];
const oneOf = (count: number) => (row: number) => [(row % count) + 1];

async function killWhen(desk: Desk, command: string[], reached: () => boolean): Promise<void> {
  const running = desk.start(command);
  while (!reached()) await sleep(5);
  running.kill('SIGKILL');
  await running.finished;
}

describe.concurrent('files as references', () => {
  test('200 rows that share 12 files: 12 uploads, 200 tasks, their order kept (S1, S4, S7)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const hashes = await writePictures(desk, 12);
    await desk.write('in.csv', shotsCsv(200, pairOf));
    const checked = await desk.run(['check', 'in.csv', ...model, '--json']);
    expect(JSON.parse(checked.stdout)).toMatchObject({
      briefs: 200,
      requests: { submits: 200, uploads: 12 },
    });
    expect(desk.simulator.bill().uploads.files).toBe(0);
    expect((await desk.run(run)).code).toBe(0);
    expect(await auditRun(desk, { out: 'out', batch: 'out', briefs: 200 })).toEqual([]);
    expect(desk.simulator.bill().uploads).toEqual({ files: 12, repeated: {} });
    expect((await desk.report('out')).requests).toMatchObject({ submits: 200, uploads: 12 });
    const asked = filesByPrompt(desk);
    for (let row = 0; row < 200; row++) {
      const wanted = pairOf(row).map((number) => hashes[number - 1]);
      expect(asked.get(`Shot ${row + 1}`)).toEqual(wanted);
    }
    const [line] = await desk.lines('out');
    expect(line?.references).toHaveLength(2);
    expect(line?.references[0]).toMatch(/^photos\/\d+\.png$/);
  });

  test('S8: the address of an upload is in no line, log or report', async ({ openDesk }) => {
    const desk = await openDesk();
    await writePictures(desk, 1);
    await desk.write('in.csv', shotsCsv(2, oneOf(1)));
    const { code, stdout, stderr } = await desk.run([...run, '--json', '--log-level', 'debug']);
    expect(code).toBe(0);
    const [url] = itemAddresses(desk.simulator.asked()[0]?.params.referenceMediaItems);
    expect(url).toContain('signature=');
    const shown = [stdout, stderr, await desk.read('out/manifest.jsonl')];
    for (const name of ['manifest.csv', 'run.json']) shown.push(await desk.read(join('out', name)));
    expect(shown.join('\n')).not.toContain('signature=');
    expect(shown.join('\n')).not.toContain('/uploads/');
  });

  test('what lies in a bucket is uploaded as a file is; what is not there is told by its row, and nothing is paid', async ({
    openDesk,
  }) => {
    const s3 = await S3Server.start('shop');
    try {
      const desk = await openDesk();
      await s3.place('shop', 'in/lamp ä.png', picture(1));
      await desk.write(
        'in.csv',
        'id,prompt,references\na,Lamp,s3://shop/in/lamp ä.png\nb,Room,s3://shop/in/none.png\n',
      );
      const environment = s3.env;
      const refused = await desk.run(run, { environment });
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(/row 3.*"s3:\/\/shop\/in\/none\.png" is not there/s);
      expect(desk.simulator.bill().total.tasks).toBe(0);
      await s3.place('shop', 'in/none.png', picture(1));
      expect((await desk.run(run, { environment })).code).toBe(0);
      expect(desk.simulator.bill().uploads).toEqual({ files: 1, repeated: {} });
      expect(filesByPrompt(desk).get('Lamp')).toEqual([sha256Of(picture(1))]);
      const line = (await desk.lines('out')).find(({ brief_id: id }) => id === 'a');
      expect(line?.references).toEqual(['s3://shop/in/lamp ä.png']);
    } finally {
      await s3.stop();
    }
  });

  test('killed between uploads and submissions, it uploads and costs nothing twice (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ faults: ['refuse=409/busy:endpoint=submit'] });
    await writePictures(desk, 3);
    await desk.write('in.csv', shotsCsv(6, oneOf(3)));
    await killWhen(desk, run, () => {
      const { uploads, requests } = desk.simulator.bill();
      // Each brief was sent once: its file was uploaded, and that was noted.
      return uploads.files === 3 && (requests.byEndpoint.submit?.[409] ?? 0) >= 6;
    });
    expect(desk.simulator.bill().total.tasks).toBe(0);
    desk.simulator.control({ faults: [] });
    expect((await desk.run(run)).code).toBe(0);
    expect(await auditRun(desk, { out: 'out', batch: 'out', briefs: 6 })).toEqual([]);
    expect(desk.simulator.bill().uploads).toEqual({ files: 3, repeated: {} });
  });

  test('killed while it uploads, it goes on', async ({ openDesk }) => {
    const desk = await openDesk({ faults: ['rate-limited=1:2x:endpoint=file-upload'] });
    await writePictures(desk, 3);
    await desk.write('in.csv', shotsCsv(6, oneOf(3)));
    const refused = () => desk.simulator.bill().requests.byEndpoint['file-upload']?.[429] ?? 0;
    await killWhen(desk, run, () => refused() > 0);
    expect((await desk.run(run)).code).toBe(0);
    expect(await auditRun(desk, { out: 'out', batch: 'out', briefs: 6 })).toEqual([]);
  });

  test('two workers share uploads as they share the work', async ({ openDesk }) => {
    const desk = await openDesk();
    await writePictures(desk, 4);
    await desk.write('in.csv', shotsCsv(60, oneOf(4)));
    const ends = await Promise.all([desk.run(run), desk.run(run)]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect(await auditRun(desk, { out: 'out', batch: 'out', briefs: 60 })).toEqual([]);
    expect(desk.simulator.bill().uploads).toEqual({ files: 4, repeated: {} });
  });

  test('an upload that the API has dropped is made again, once, for each brief (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ uploadLifetimeMs: 600_000 });
    await writePictures(desk, 1);
    await desk.write('in.csv', shotsCsv(1, oneOf(1)));
    expect((await desk.run(run)).code).toBe(0);
    // From now on all that was uploaded before is gone, and the batch that comes next does not know it.
    desk.simulator.control({ uploadLifetimeMs: 1 });
    const second = desk.start(['run', 'in.csv', '--batch', 'b', '--out', 'b', ...model, ...fast]);
    while ((desk.simulator.bill().requests.byEndpoint.submit?.[400] ?? 0) < 1) await sleep(5);
    desk.simulator.control({ uploadLifetimeMs: null });
    expect((await second.finished).code).toBe(0);
    const [line] = await desk.lines('b');
    expect(line).toMatchObject({ status: 'succeeded', attempt: 2, requests: { submits: 2 } });
    expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 2 }, uploads: { files: 2 } });
    expect(desk.simulator.bill().billedTwice).toEqual([]);
  });

  test('a reference that is refused twice fails its brief, unpaid', async ({ openDesk }) => {
    const desk = await openDesk({ faults: ['reference-refused'] });
    await writePictures(desk, 1);
    await desk.write('in.csv', shotsCsv(1, oneOf(1)));
    expect((await desk.run(run)).code).toBe(3);
    expect((await desk.lines('out'))[0]).toMatchObject({
      status: 'failed',
      attempt: 2,
      error: { code: 'validation_failed' },
    });
    const { total, uploads, requests } = desk.simulator.bill();
    expect({ tasks: total.tasks, files: uploads.files }).toEqual({ tasks: 0, files: 2 });
    expect(requests.byEndpoint.submit).toEqual({ 400: 2 });
  });

  test('bad files reject their rows before anything is sent', async ({ openDesk }) => {
    const desk = await openDesk();
    await writePictures(desk, 2);
    await desk.write('photos/text.png', 'this is a text');
    await desk.write('photos/empty.png', '');
    const rows = [
      'good,Good,photos/1.png',
      'missing,Missing,photos/none.png',
      'text,Text,photos/text.png',
      'empty,Empty,photos/empty.png',
      'folder,Folder,photos',
      'film,Film,photos/1.png|https://a.example/x.mp4',
      `many,Many,${Array(11).fill('photos/1.png').join('|')}`,
    ];
    await desk.write('in.csv', `id,prompt,references\n${rows.join('\n')}\n`);
    const { code } = await desk.run(run);
    expect(code).toBe(2);
    // The list of models was asked for, which needs no key.
    expect(Object.keys(desk.simulator.bill().requests.byEndpoint)).toEqual(['models']);
    const rejected = (await desk.read('out/rejected.jsonl')).trimEnd().split('\n');
    const reasons = rejected.map((line) => JSON.parse(line) as { id: string; reason: string });
    expect(Object.fromEntries(reasons.map(({ id, reason }) => [id, reason]))).toEqual({
      missing: '"photos/none.png" is not there',
      text: '"photos/text.png" is no image, video or audio by its content, whatever its name says',
      empty: '"photos/empty.png" is empty',
      folder: '"photos" is not a file',
      film: '"https://a.example/x.mp4" is a video, and nano-banana takes only image references',
      many: '11 references are given, and nano-banana takes at most 10',
    });
    expect((await desk.run([...run, '--skip-invalid'])).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(1);
  });

  test('a file that vanishes after it was queued fails its briefs, unpaid', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await writePictures(desk, 2);
    await desk.write('in.csv', shotsCsv(4, oneOf(2)));
    const queued = ['enqueue', 'in.csv', '--batch', 'q', '--out', 'out', ...model];
    expect((await desk.run(queued)).code).toBe(0);
    await rm(join(desk.folder, 'photos/1.png'));
    await desk.write('photos/2.png', picture(99));
    const worker = desk.start(['worker', ...fast]);
    await until(async () => (await desk.lines('out').catch(() => [])).length >= 4);
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    const codes = (await desk.lines('out')).map(({ error }) => error?.code).sort();
    const [changed, missing] = ['reference_changed', 'reference_missing'];
    expect(codes).toEqual([changed, changed, missing, missing]);
    expect(desk.simulator.bill().requests.byEndpoint['file-upload']).toBeUndefined();
  });

  test('content counts, not the path: a moved file is the same brief', async ({ openDesk }) => {
    const desk = await openDesk();
    await writePictures(desk, 2);
    await desk.write('in.csv', 'id,prompt,references\na,A,photos/1.png\n');
    expect((await desk.run(run)).code).toBe(0);
    await desk.write('moved.png', picture(1));
    await desk.write('in.csv', 'id,prompt,references\na,A,moved.png\n');
    expect((await desk.run(run)).stdout).toMatch(/finished/);
    await desk.write('in.csv', 'id,prompt,references\na,A,photos/2.png\n');
    expect((await desk.run(run)).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(2);
  });
});

describe.concurrent('references and a lost Redis', () => {
  test('a send in doubt is repeated with the very same bytes (S1)', async ({ openDesk }) => {
    const desk = await openDesk({
      redis: 'private',
      durationMs: 30_000,
      faults: ['lose-answer-after-accept:6x'],
    });
    await writePictures(desk, 2);
    await desk.write('in.csv', shotsCsv(12, oneOf(2)));
    await killWhen(desk, run, () => desk.simulator.bill().total.tasks >= 6);
    await desk.losePrivateRedis();
    expect((await desk.run(run)).code).toBe(0);
    const bill = desk.simulator.bill();
    expect(bill.total.tasks).toBe(12);
    expect(bill.billedTwice).toEqual([]);
    // Another body under a known key would have been a conflict.
    expect(bill.replays).toBeGreaterThanOrEqual(6);
    expect(bill.requests.byEndpoint.submit?.[409]).toBeUndefined();
  });

  test('finished briefs are found again by their content, whatever their files are called', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await writePictures(desk, 2);
    await desk.write('in.csv', shotsCsv(3, oneOf(2)));
    expect((await desk.run(run)).code).toBe(0);
    await desk.losePrivateRedis();
    expect((await desk.run(run)).code).toBe(0);
    expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 3 }, replays: 0 });
  });
});
