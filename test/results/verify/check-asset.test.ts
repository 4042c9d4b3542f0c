import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { verifyFolder } from '../../../src/results/verify/verify-folder.js';
import { assetOf, ResultsFolder } from '../results-folder.js';

describe('a path that leaves the folder is not followed', () => {
  const secret = 'what lies outside';

  async function outside(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'outside-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  // The file is there and its hash is right: only the place is wrong.
  const escapes: Record<string, (folder: ResultsFolder, target: string) => Promise<string>> = {
    'by its dots': async (folder) => {
      const name = `${folder.path}-beside`;
      onTestFinished(() => rm(name, { force: true }));
      await folder.write(join('..', name.slice(name.lastIndexOf('/') + 1)), secret);
      return `assets/../../${name.slice(name.lastIndexOf('/') + 1)}`;
    },
    'by being absolute': async (folder, target) => {
      const path = join(target, 'a.png');
      await folder.write(join('..', path.slice(tmpdir().length + 1)), secret);
      return path;
    },
    'by a linked file': async (folder, target) => {
      await folder.write(join('..', target.slice(tmpdir().length + 1), 'a.png'), secret);
      await symlink(join(target, 'a.png'), folder.at('assets/link.png'));
      return 'assets/link.png';
    },
    'by a linked folder': async (folder, target) => {
      await folder.write(join('..', target.slice(tmpdir().length + 1), 'a.png'), secret);
      await symlink(target, folder.at('assets/more'));
      return 'assets/more/a.png';
    },
  };
  for (const [way, make] of Object.entries(escapes)) {
    it(way, async () => {
      const folder = await ResultsFolder.make();
      const path = await make(folder, await outside());
      await folder.change('a', { assets: [assetOf(path, secret)] });
      const { problems, checked } = await verifyFolder(folder.path);
      expect(problems).toMatchObject([{ code: 'asset_outside', brief_id: 'a', path }]);
      expect(checked).toMatchObject({ assets: 2, bytes: 18 });
    });
  }

  it('by the ways of Windows, wherever it is verified', async () => {
    for (const path of ['C:/a.png', 'C:a.png', '\\\\host\\share\\a.png', 'assets\\..\\..\\a.png']) {
      const folder = await ResultsFolder.make();
      await folder.change('a', { assets: [assetOf(path, secret)] });
      expect((await verifyFolder(folder.path)).problems).toMatchObject([{ code: 'asset_outside' }]);
    }
  });

  it('a link that stays inside is fine', async () => {
    const folder = await ResultsFolder.make();
    await rm(folder.at('assets/a.png'));
    await folder.write('kept.png', 'picture a');
    await symlink('../kept.png', folder.at('assets/a.png'));
    expect((await verifyFolder(folder.path)).problems).toEqual([]);
  });
});
