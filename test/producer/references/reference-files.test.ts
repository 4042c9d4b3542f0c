import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { lookAtFile, ReferenceFiles } from '../../../src/producer/references/files.js';
import { picture, sha256Of } from '../../support/reference-desk.js';

async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-references-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('a look at a file', () => {
  it('finds its type by content, whatever its name says', async () => {
    const path = join(await openFolder(), 'photo.mp4');
    await writeFile(path, picture(1));
    expect(await lookAtFile(path)).toEqual({
      kind: 'file',
      file: {
        path,
        sha256: sha256Of(picture(1)),
        bytes: picture(1).length,
        mediaType: 'image/png',
        name: 'photo.mp4',
      },
    });
  });

  it('says what cannot be used, and waits for nothing', async () => {
    const folder = await openFolder();
    const pipe = join(folder, 'pipe.png');
    execFileSync('mkfifo', [pipe]);
    await writeFile(join(folder, 'text.png'), 'text');
    await writeFile(join(folder, 'empty.png'), '');
    await writeFile(join(folder, 'huge.png'), '');
    await truncate(join(folder, 'huge.png'), 600_000_000);
    await mkdir(join(folder, 'folder.png'));
    const reasonOf = async (name: string) => {
      const found = await lookAtFile(join(folder, name));
      return found.kind === 'unusable' ? found.reason : found;
    };
    expect(await reasonOf('none.png')).toBe('is not there');
    expect(await reasonOf('text.png/none.png')).toBe('is not there');
    expect(await reasonOf('text.png')).toMatch(/no image, video or audio by its content/);
    expect(await reasonOf('empty.png')).toBe('is empty');
    expect(await reasonOf('huge.png')).toBe('is larger than 500 MB');
    expect(await reasonOf('folder.png')).toBe('is not a file');
    expect(await reasonOf('pipe.png')).toBe('is not a file');
  });
});

describe('the references of an input', () => {
  it('are each read once, however often they are wanted', async () => {
    const fetched: string[] = [];
    const files = new ReferenceFiles(async (url) => {
      fetched.push(url);
      return { kind: 'unusable', reason: 'is for a test' };
    });
    const wanted = { kind: 'url', url: 'https://a.example/1.png' } as const;
    expect(files.look(wanted)).toBeUndefined();
    await files.learn([wanted, wanted, { kind: 'path', path: '/nowhere.png' }]);
    await files.learn([wanted]);
    expect(fetched).toEqual(['https://a.example/1.png']);
    expect(files.look(wanted)).toEqual({ kind: 'unusable', reason: 'is for a test' });
    expect(files.look({ kind: 'path', path: '/nowhere.png' })).toMatchObject({ kind: 'unusable' });
  });
});
