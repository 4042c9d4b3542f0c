import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judgePicture } from '../../../src/pictures/judge-picture.js';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { saveAssets } from '../../../src/worker/stages/collect.js';
import { shelfAt } from '../../../src/worker/stages/result-shelf.js';
import { simulate, temporaryFolder } from './stage-bench.js';

const nameFor = (extension: string, _index: number, marked: 'plain' | 'marked') =>
  marked === 'plain' ? `sku.${extension}` : `sku~try2.${extension}`;

async function finishedTask(settings: SettingsPatch = {}) {
  const api = await simulate({ tinyMedia: false, ...settings });
  const body = '{"model":"z-image","prompt":"A fox"}';
  const submitted = await api.client.submit({ idempotencyKey: 'rvb-1', body });
  if (submitted.kind !== 'accepted') throw new Error('the simulator takes what it is sent');
  const read = await api.client.readTask(submitted.task.id);
  const [url = ''] = read.kind === 'read' ? read.task.urls : [];
  const out = await temporaryFolder();
  const files = () => readdir(join(out, 'assets')).catch(() => []);
  let claimed: 'plain' | 'marked' | null = null;
  const save = async () => {
    const claimPlain = async (look: () => Promise<'free' | 'taken'>) => {
      claimed ??= (await look()) === 'free' ? 'plain' : 'marked';
      return claimed;
    };
    const judge = (path: string, mediaType: string) => judgePicture(path, mediaType, null);
    const request = {
      ...{ urls: [url], shelf: await shelfAt(out), judge, nameFor, claimPlain },
      ...({ promised: 'image', faulty: 'set_aside' } as const),
    };
    const outcome = await saveAssets(api.downloader, request);
    return outcome.kind === 'saved' ? { kind: outcome.kind, asset: outcome.assets[0] } : outcome;
  };
  return { ...api, url, out, files, save };
}

describe('saveAsset', () => {
  it('S5: what it states of a file is what is on disk, and nothing else is left', async () => {
    const { save, out, files } = await finishedTask();
    const outcome = await save();
    if (!('asset' in outcome && outcome.asset)) throw new Error(outcome.kind);
    const content = await readFile(join(out, outcome.asset.path));
    expect(outcome.asset).toEqual({
      path: 'assets/sku.png',
      ...{ width: 640, height: 640 },
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
      media_type: 'image/png',
    });
    expect(await files()).toEqual(['sku.png']);
  });

  it('S5: done again it leaves the same file and says the same', async () => {
    const { save, files } = await finishedTask();
    const first = await save();
    expect(await save()).toEqual(first);
    expect(await files()).toEqual(['sku.png']);
  });

  it.each([
    ['download-status=403', 'gone'],
    ['download-status=500', 'unavailable'],
    ['download-truncated', 'unavailable'],
    ['download-empty', 'unavailable'],
    ['download-redirect=private', 'url_refused'],
    ['download-wrong-type', 'something_else'],
    ['download-wrong-type=html/as-media', 'something_else'],
    ['download-wrong-type=json', 'something_else'],
    ['download-wrong-type=xml/as-media', 'something_else'],
    ['download-wrong-type=text', 'something_else'],
    ['download-wrong-type=pdf', 'something_else'],
    ['download-wrong-type=sound/as-media', 'something_else'],
    ['download-huge', 'too_large'],
    ['download-huge=2000000/unannounced', 'too_large'],
  ])('S5: leaves nothing after %s, and an older file as it was', async (fault, kind) => {
    const { save, simulator, out, files } = await finishedTask();
    await mkdir(join(out, 'assets'));
    await writeFile(join(out, 'assets', 'sku.png'), 'older');
    simulator.control({ faults: [fault] });
    expect(await save()).toMatchObject({ kind });
    expect(await files()).toEqual(['sku.png']);
    expect(await readFile(join(out, 'assets', 'sku.png'), 'utf8')).toBe('older');
  });

  it('names a file by what it is, not by what it is called', async () => {
    const { save, simulator } = await finishedTask();
    simulator.control({ faults: ['download-wrong-type=svg'] });
    expect(await save()).toMatchObject({
      kind: 'saved',
      asset: { path: 'assets/sku.svg', media_type: 'image/svg+xml' },
    });
  });

  it.each(['gzip', 'deflate', 'br', 'gzip, br', 'aws-chunked', 'UTF-8', 'identity'])(
    'S5: a picture that came as %s is the picture, with the size and hash that it has',
    async (token) => {
      const { save, simulator } = await finishedTask();
      const whole = await save();
      simulator.control({ faults: [`download-encoding=${token}`] });
      expect(whole.kind).toBe('saved');
      expect(await save()).toEqual(whole);
    },
  );

  it.each(['sku.png', 'sku.jpg'])(
    'S5: an earlier picture (%s) stays, and the new one says of which attempt it is',
    async (earlier) => {
      const { save, out, files } = await finishedTask();
      await mkdir(join(out, 'assets'));
      await writeFile(join(out, 'assets', earlier), 'earlier');
      const saved = await save();
      expect(saved).toMatchObject({ asset: { path: 'assets/sku~try2.png' } });
      expect(await save()).toEqual(saved);
      expect(await readFile(join(out, 'assets', earlier), 'utf8')).toBe('earlier');
      expect(await files()).toEqual([earlier, 'sku~try2.png']);
    },
  );

  it('S5: two at once that save the same have one file', async () => {
    const { save, files } = await finishedTask();
    const [one, other] = await Promise.all([save(), save()]);
    expect(other).toEqual(one);
    expect(await files()).toEqual(['sku.png']);
  });

  it('throws what is wrong with the disk: that is not the fault of the API', async () => {
    const { save, out } = await finishedTask();
    await writeFile(join(out, 'assets'), 'a file where the folder belongs');
    await expect(save()).rejects.toMatchObject({ code: expect.stringMatching(/EEXIST|ENOTDIR/) });
  });

  it('S8: sends no credentials to a result URL', async () => {
    const { save, simulator } = await finishedTask();
    await save();
    expect(simulator.bill().authorizationViolations).toEqual([]);
  });
});
