import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StateOf } from '../../../src/ledger/brief-state.js';
import { hasThumbnail } from '../../../src/pictures/thumbnails.js';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { collectAtOnce } from '../../../src/worker/stages/collect.js';
import { DownloadSlots } from '../../../src/worker/stages/download-slots.js';
import type { BriefInHand, StageContext, StageJob } from '../../../src/worker/stages/step.js';
import { noSeat } from '../../../src/worker/stages/step.js';
import { accepted, ready } from '../../ledger/brief-states.js';
import { type Bench, openBench } from './stage-bench.js';

const hourMs = 3_600_000;

type ReadyBrief = BriefInHand<StateOf<'ready'>>;

/** A brief whose task succeeded, with the URLs that the API gave for it. */
async function readyBench(
  settings: SettingsPatch = {},
  { id = 'a', ...patch }: Partial<StateOf<'ready'>> & { id?: string } = {},
) {
  const bench = await openBench(settings);
  await bench.admit(id);
  const urls = await makeReady(bench, id, patch);
  /** One job to its end: fresh links go into the job, which is then taken up again. */
  const collect = async (given: string[] | null = urls) => {
    let job: StageJob = { briefId: id, attempt: 1, ...(given ? { urls: given } : {}) };
    for (;;) {
      const step = await bench.work('collect', job);
      if (step.kind !== 'later' || !step.fresh?.urls.length) return step;
      job = { ...job, ...step.fresh };
    }
  };
  const files = async () => (await readdir(join(bench.out, 'assets'))).sort();
  return { ...bench, urls, collect, files };
}

async function makeReady(bench: Bench, id: string, patch: Partial<StateOf<'ready'>> = {}) {
  const body = '{"model":"z-image","prompt":"A fox"}';
  const submitted = await bench.client.submit({ idempotencyKey: `rvb-${id}`, body });
  if (submitted.kind !== 'accepted') throw new Error('the simulator takes what it is sent');
  await bench.place(id, ready(submitted.task.id, patch));
  const read = await bench.client.readTask(submitted.task.id);
  return read.kind === 'read' ? read.task.urls : [];
}

/** Time stands still from the end of the task on. */
async function endedNow(bench: Bench): Promise<void> {
  bench.clock.stop();
  const state = await bench.stateOf('a');
  if (state?.stage !== 'ready') throw new Error('it is ready');
  await bench.place('a', { ...state, completedAt: bench.clock.now() });
}

describe('a result', () => {
  it('S5: is on disk, complete, as its line says, before the line', async () => {
    const bench = await readyBench({ faults: ['many-urls=3'] }, { checks: 2 });
    expect(await bench.collect()).toEqual({ kind: 'done' });
    const [line] = await bench.lines();
    expect(line).toMatchObject({ status: 'succeeded', credits: { reserved: 1, final: 1 } });
    expect(line?.assets.map(({ path }) => path)).toEqual([
      'assets/a~1.png',
      'assets/a~2.png',
      'assets/a~3.png',
    ]);
    for (const asset of line?.assets ?? []) {
      const content = await readFile(join(bench.out, asset.path));
      expect(content.length).toBe(asset.bytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(asset.sha256);
    }
    expect(await bench.ledger.meta()).toMatchObject({
      spent: 1,
      requests: { downloads: 3, statusChecks: 2 },
    });
  });

  it('S8: its line holds no query of a URL', async () => {
    const bench = await readyBench();
    const [url = ''] = bench.urls;
    await bench.collect([`${url}#token=secret`]);
    const [line] = await bench.lines();
    expect(url).toContain('?');
    expect(line?.urls).toEqual([url.slice(0, url.indexOf('?'))]);
    expect(JSON.stringify(line)).not.toContain('secret');
  });

  it('S4 S5: collected again or by two at once it has one line, and its files stay', async () => {
    const bench = await readyBench();
    await Promise.all([bench.collect(), bench.collect(), bench.collect(null)]);
    expect(await bench.collect()).toEqual({ kind: 'done' });
    expect(await bench.lines()).toHaveLength(1);
    expect(await bench.files()).toEqual(['a.png']);
  });

  it('S5: collected again after a crash between file and line it is the same', async () => {
    const bench = await readyBench();
    await writeFile(join(bench.out, 'left-by-somebody'), '');
    const briefs = Object.create(bench.ledger.briefs, {
      finish: { value: () => Promise.reject(new Error('killed')) },
    });
    const ledger = Object.create(bench.ledger, { briefs: { value: briefs } });
    const crashing = { ledger: ledger as typeof bench.ledger };
    const job = { briefId: 'a', attempt: 1, urls: bench.urls };
    await expect(bench.work('collect', job, crashing)).rejects.toThrow('killed');
    expect(await bench.lines()).toEqual([]);
    expect(await bench.collect()).toEqual({ kind: 'done' });
    expect(await bench.files()).toEqual(['a.png']);
    expect(await bench.lines()).toHaveLength(1);
  });

  it('S5: ids that differ only by case do not share a file', async () => {
    const bench = await readyBench({}, { id: 'Sku' });
    await bench.admit('sku', 'SKU');
    const others = await Promise.all(['sku', 'SKU'].map((id) => makeReady(bench, id)));
    await bench.collect();
    for (const [index, briefId] of ['sku', 'SKU'].entries()) {
      await bench.work('collect', { briefId, attempt: 1, urls: others[index] ?? [] });
    }
    const names = (await bench.files()).map((name) => name.toLowerCase());
    expect(new Set(names).size).toBe(3);
    expect(await bench.files()).toContain('sku.png');
  });

  it('S5: of a later attempt has the plain name where none has it, and says its attempt beside another', async () => {
    for (const earlier of ['none', 'same content'] as const) {
      const bench = await readyBench({}, { attempt: 2 });
      const again = async () => {
        const job = { briefId: 'a', attempt: 2, urls: bench.urls };
        return bench.work('collect', job);
      };
      if (earlier !== 'none') {
        await bench.place('a', ready('task_0', { attempt: 1 }));
        const content = await bench.ledger.briefs.readContent('a');
        await bench.collect();
        // Opened again, it has its content again.
        await bench.redis.hset(bench.ledger.keys.content, 'a', content ?? '');
        await bench.place('a', ready('task_0', { attempt: 2 }));
      }
      await again();
      expect(await bench.files()).toEqual(earlier === 'none' ? ['a.png'] : ['a.png', 'a~try2.png']);
    }
  });

  it('belongs to the brief where it is: elsewhere the job only hands on', async () => {
    const bench = await readyBench();
    await bench.place('a', accepted('task_1', { attempt: 2 }));
    expect(await bench.collect()).toEqual({
      kind: 'next',
      stage: 'status',
      attempt: 2,
      delayMs: 0,
    });
    expect(await bench.lines()).toEqual([]);
  });
});

describe('at once, where a look found that a task has succeeded', () => {
  const file = async (bench: Awaited<ReturnType<typeof readyBench>>, given = bench.urls) => {
    const left: string[] = [];
    const brief = await bench.take({ briefId: 'a', attempt: 1, urls: given });
    const seat = { ...noSeat, leave: () => left.push('left') };
    const step = (other: Partial<StageContext> = {}) =>
      collectAtOnce({ ...bench.context, ...other }, { ...brief, seat } as ReadyBrief);
    return { step, left };
  };

  it('S5: is fetched and lined, beside the looks of others', async () => {
    const bench = await readyBench();
    const { step, left } = await file(bench);
    expect(await step()).toEqual({ kind: 'done' });
    expect(left).toEqual(['left']);
    expect(await bench.files()).toEqual(['a.png']);
    expect(await bench.lines()).toMatchObject([{ status: 'succeeded' }]);
  });

  it('S3: is left to the collect stage where there is no folder, or no URL', async () => {
    const bench = await readyBench();
    const next = { kind: 'next', stage: 'collect', attempt: 1, delayMs: 0 };
    const given = await file(bench);
    expect(await given.step({ folder: null, shelf: null })).toEqual({ ...next, urls: bench.urls });
    const without = await file(bench, []);
    expect(await without.step()).toEqual({ ...next, urls: [] });
    expect([given.left, without.left]).toEqual([[], []]);
  });

  it('S2: and where so many files are waited for already that its turn is not near', async () => {
    const bench = await readyBench();
    const { step, left } = await file(bench);
    const downloads = new DownloadSlots(1);
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const held: Promise<void>[] = [];
    for (;;) {
      const soon = downloads.holdSoon(() => ended);
      // The first one has its slot only in a moment.
      await Promise.resolve();
      if (soon === null) break;
      held.push(soon);
    }
    expect(await step({ downloads })).toMatchObject({ kind: 'next', urls: bench.urls });
    expect(left).toEqual([]);
    end();
    await Promise.all(held);
  });

  it('S3: is left to it with what was learned where the file is late', async () => {
    const bench = await readyBench({ faults: ['download-status=500:1x'] });
    const late = await (await file(bench)).step();
    expect(late).toMatchObject({ kind: 'next', stage: 'collect', urls: bench.urls });
    expect(late.kind === 'next' && late.delayMs).toBeGreaterThan(0);
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'ready' });
  });

  it('S5: and where the disk does not take it: that is no end of the brief', async () => {
    const bench = await readyBench();
    await writeFile(join(bench.out, 'assets'), 'no folder');
    const { step } = await file(bench);
    expect(await step()).toMatchObject({ kind: 'next', stage: 'collect', urls: bench.urls });
    expect(await bench.lines()).toEqual([]);
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'ready' });
  });
});

describe('spent or lost links', () => {
  it('S3: lost in a crash they are read from the task again', async () => {
    const bench = await readyBench();
    expect(await bench.collect(null)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([{ status: 'succeeded' }]);
  });

  it('S3: spent they are read again once', async () => {
    const bench = await readyBench({ faults: ['expire-first-url'] });
    expect(await bench.collect()).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'succeeded', requests: { status_checks: 1 } },
    ]);
  });

  it.each([403, 404, 410])(
    'S1 S2 S3: fresh ones that answer %i too are late: task and link are asked again, spaced, for an hour',
    async (status) => {
      const bench = await readyBench();
      await endedNow(bench);
      bench.simulator.control({ faults: [`download-status=${status}`] });
      const spaced: number[] = [];
      const again = { briefId: 'a', attempt: 1, urls: bench.urls, rereads: 1 };
      for (;;) {
        const step = await bench.work('collect', again);
        if (step.kind !== 'later') break;
        // Without links: the next look begins with the task.
        expect(step.fresh).toEqual({ urls: [], rereads: 1 });
        spaced.push(step.afterMs);
        bench.clock.aheadMs += step.afterMs;
      }
      expect(spaced.slice(0, 4)).toEqual([5_000, 5_000, 10_000, 20_000]);
      expect(Math.max(...spaced)).toBe(300_000);
      // The last look is at the very end of the hour.
      expect(bench.clock.aheadMs).toBe(hourMs);
      expect(await bench.lines()).toMatchObject([
        {
          status: 'unknown',
          error: {
            code: 'download_unavailable',
            message: expect.stringContaining(`HTTP ${status}`),
          },
          credits: { final: 1 },
          assets: [],
        },
      ]);
    },
  );

  it('S1 S3: a file that comes alive late is collected', async () => {
    const bench = await readyBench();
    bench.simulator.control({ faults: ['download-status=404:4x'] });
    expect(await bench.collect()).toMatchObject({ kind: 'later', afterMs: 5_000 });
    expect(await bench.collect([])).toMatchObject({ kind: 'later' });
    expect(await bench.collect([])).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([{ status: 'succeeded', attempt: 1 }]);
    expect(bench.simulator.bill().total.tasks).toBe(1);
  });

  it('S7: a 429 to the question for fresh ones moves the shared pace', async () => {
    const bench = await readyBench();
    bench.simulator.control({ faults: ['rate-limited=7:1x'] });
    const step = await bench.collect(null);
    expect(step).toMatchObject({ kind: 'later' });
    expect(step.kind === 'later' && step.afterMs).toBeGreaterThanOrEqual(7_000);
    expect(await bench.account.view()).toMatchObject({ refusals: 1 });
  });

  it('S7: one that is about running tasks moves it too, and takes nothing of the hour', async () => {
    const bench = await readyBench();
    const tooMany = 'refuse=429/concurrency_limit:1x:endpoint=read';
    bench.simulator.control({ faults: [tooMany] });
    bench.clock.aheadMs = 2 * hourMs;
    expect(await bench.collect(null)).toMatchObject({ kind: 'later' });
    expect(await bench.account.view()).toMatchObject({ refusals: 1 });
    expect(await bench.lines()).toEqual([]);
  });

  it('S3: a refused key halts submissions, and the files are collected once a person has acted', async () => {
    const bench = await readyBench();
    bench.simulator.control({ faults: ['revoked-key:1x'] });
    bench.clock.aheadMs = 2 * hourMs;
    expect(await bench.collect(null)).toEqual({ kind: 'later', afterMs: 30_000 });
    expect((await bench.account.view()).gate.kind).toBe('halted');
    expect(bench.notices).toMatchObject([{ kind: 'halted', code: 'api_key_revoked' }]);
    expect(await bench.collect(null)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([{ status: 'succeeded' }]);
  });

  it('S4: a task that is never told of again does not keep the batch open for ever', async () => {
    const bench = await readyBench();
    bench.simulator.control({ faults: ['refuse=404/not_found:endpoint=read'] });
    expect(await bench.collect(null)).toMatchObject({ kind: 'later' });
    bench.clock.aheadMs = hourMs + 1_000;
    expect(await bench.collect(null)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', error: { code: 'download_unavailable' }, credits: { final: 1 } },
    ]);
  });

  it('S7: wait for a turn like every request', async () => {
    const bench = await readyBench();
    await bench.account.noteRefused(30_000);
    const step = await bench.collect(null);
    expect(step.kind === 'later' && step.afterMs).toBeGreaterThan(20_000);
  });
});

describe('a file that cannot be had', () => {
  it('is asked for again for an hour, its fresh links kept in the job', async () => {
    const bench = await readyBench();
    bench.simulator.control({ faults: ['download-status=500'] });
    const step = await bench.collect(null);
    expect(step).toEqual({ kind: 'later', afterMs: 5_000 });
    bench.clock.aheadMs = hourMs / 2;
    expect(await bench.collect()).toMatchObject({ kind: 'later', afterMs: 60_000 });
    bench.clock.aheadMs = hourMs + 1_000;
    expect(await bench.collect()).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', error: { code: 'download_unavailable' } },
    ]);
  });

  it.each([
    ['download-redirect=private', 'result_url_refused'],
    ['download-huge', 'result_too_large'],
  ])('ends the brief after %s with %s', async (fault, code) => {
    const bench = await readyBench();
    bench.simulator.control({ faults: [fault] });
    await bench.collect();
    expect(await bench.lines()).toMatchObject([{ status: 'failed', error: { code }, assets: [] }]);
  });

  it('S2: a server that wants two hours is asked at the end of the one that there is', async () => {
    const bench = await readyBench();
    await endedNow(bench);
    bench.simulator.control({ faults: ['download-status=503/7200'] });
    bench.clock.aheadMs = 60_000;
    expect(await bench.collect()).toEqual({ kind: 'later', afterMs: hourMs - 60_000 });
    bench.clock.aheadMs = hourMs;
    expect(await bench.collect()).toEqual({ kind: 'done' });
    const [line] = await bench.lines();
    expect(line).toMatchObject({ status: 'unknown', error: { code: 'download_unavailable' } });
    expect(line?.error?.message).toContain('HTTP 503');
  });

  it.each(['null-result', 'empty-urls'])(
    'S1 S2: a success without files (%s) is looked at again for an hour, and not paid again',
    async (fault) => {
      const bench = await readyBench({ faults: [fault] });
      const step = await bench.collect([]);
      expect(step).toEqual({ kind: 'later', afterMs: 5_000, fresh: { urls: [], rereads: 0 } });
      expect(await bench.lines()).toEqual([]);
      bench.clock.aheadMs = hourMs + 1_000;
      expect(await bench.collect([])).toEqual({ kind: 'done' });
      expect(await bench.lines()).toMatchObject([
        { status: 'failed', error: { code: 'succeeded_no_output' }, credits: { final: 1 } },
      ]);
      expect(bench.simulator.bill().total.tasks).toBe(1);
    },
  );

  it('S5: a disk that takes no file is no end of the brief', async () => {
    const bench = await readyBench();
    await writeFile(join(bench.out, 'assets'), 'a file where the folder belongs');
    await expect(bench.collect()).rejects.toThrow();
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'ready' });
    expect(await bench.lines()).toEqual([]);
  });
});

describe('a picture that is none', () => {
  /** Pictures as they are, and not of one pixel. */
  const badBench = (...faults: string[]) =>
    readyBench({
      tinyMedia: false,
      faults: faults.filter((fault) => fault.startsWith('many')),
    }).then((bench) => {
      bench.simulator.control({ faults });
      return bench;
    });
  const aside = (bench: Bench) => readdir(join(bench.out, 'aside')).catch(() => []);
  const downloads = (bench: Bench) => bench.simulator.bill().requests.byEndpoint.download;

  it.each([
    ['cut', /^The picture does not decode as a whole \(.+\)\. It is kept as aside\/a~try1\.png\.$/],
    ['damaged', /does not decode/],
    ['flat', /^The picture is one flat colour\./],
  ])(
    'S1 S5: %s, it is fetched once more, then kept aside, told, and not paid again',
    async (what, message) => {
      const bench = await badBench(`download-bad-picture=${what}`);
      expect(await bench.collect()).toEqual({ kind: 'done' });
      const [line] = await bench.lines();
      expect(line).toMatchObject({
        status: 'failed',
        error: { code: 'asset_invalid', message: expect.stringMatching(message) },
        credits: { final: 1 },
        assets: [{ path: 'aside/a~try1.png', media_type: 'image/png' }],
      });
      const [asset] = line?.assets ?? [];
      const content = await readFile(join(bench.out, asset?.path ?? ''));
      expect(createHash('sha256').update(content).digest('hex')).toBe(asset?.sha256);
      expect(await bench.files()).toEqual([]);
      expect(await aside(bench)).toEqual(['a~try1.png']);
      expect(downloads(bench)).toEqual({ 200: 2 });
      expect(bench.simulator.bill().total.tasks).toBe(1);
      expect(await bench.ledger.meta()).toMatchObject({ spent: 1, lines: { failed: 1 } });
    },
  );

  it('S3: that comes right under a fresh link is a result', async () => {
    const bench = await badBench('download-bad-picture:1x');
    expect(await bench.collect()).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'succeeded', assets: [{ path: 'assets/a.png', width: 640, height: 640 }] },
    ]);
    expect(await aside(bench)).toEqual([]);
  });

  it('S5: is what it is after a crash between file and line', async () => {
    const bench = await badBench('download-bad-picture=flat');
    const briefs = Object.create(bench.ledger.briefs, {
      finish: { value: () => Promise.reject(new Error('killed')) },
    });
    const ledger = Object.create(bench.ledger, { briefs: { value: briefs } });
    const job = { briefId: 'a', attempt: 1, urls: bench.urls, faulty: true };
    const crashing = bench.work('collect', job, { ledger: ledger as typeof bench.ledger });
    await expect(crashing).rejects.toThrow('killed');
    expect(await aside(bench)).toEqual(['a~try1.png']);
    await Promise.all([bench.collect(), bench.collect()]);
    expect(await bench.lines()).toMatchObject([{ error: { code: 'asset_invalid' } }]);
    expect(await aside(bench)).toEqual(['a~try1.png']);
  });

  it('S5: beside others that are good is kept aside, and the brief succeeds with those', async () => {
    const bench = await badBench('many-urls=3', 'download-bad-picture=flat:2x');
    const [first = '', ...others] = bench.urls;
    const job = { briefId: 'a', attempt: 1, urls: [first, ...others], faulty: true };
    expect(await bench.work('collect', job)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      {
        status: 'succeeded',
        error: null,
        assets: [{ path: 'assets/a~3.png' }],
        aside: [{ path: 'aside/a~try1~1.png' }, { path: 'aside/a~try1~2.png' }],
      },
    ]);
    expect(bench.notices).toContainEqual({
      kind: 'set_aside',
      briefId: 'a',
      reason: 'Of 3 files, file 1 is one flat colour, file 2 is one flat colour.',
    });
    expect(await bench.ledger.meta()).toMatchObject({ requests: { downloads: 3 } });
  });

  it('S1: smaller than what the batch wants, it is told with both sizes; without that, it is one', async () => {
    for (const least of [null, { width: 512, height: 512 }]) {
      const bench = await badBench('download-bad-picture=small');
      await bench.ledger.setMinSize(least ?? undefined);
      await bench.collect();
      const [line] = await bench.lines();
      expect(line).toMatchObject({ status: least === null ? 'succeeded' : 'failed' });
      expect(line?.assets).toMatchObject([{ width: 64, height: 64 }]);
      const message =
        'The picture has 64x64 pixels, and at least 512x512 are wanted. It is kept as aside/a~try1.png.';
      if (least !== null) expect(line?.error).toMatchObject({ code: 'asset_invalid', message });
    }
  });

  it('has a thumbnail, as those have that are good', async () => {
    for (const fault of ['download-bad-picture=flat', 'extra-fields']) {
      const bench = await badBench(fault);
      await bench.collect();
      await bench.context.thumbnails.settle(60_000);
      const [line] = await bench.lines();
      const [asset] = line?.assets ?? [];
      expect(await hasThumbnail(bench.out, asset?.sha256 ?? '')).toBe(true);
    }
  });
});
