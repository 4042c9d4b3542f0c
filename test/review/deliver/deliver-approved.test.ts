import { existsSync } from 'node:fs';
import {
  appendFile,
  cp,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyFolder } from '../../../src/results/verify/verify-folder.js';
import { type Brief, DecidedFolder } from './decided-folder.js';

/** When each file was written, to see which were written again. */
async function timesOf(folder: DecidedFolder): Promise<Record<string, string>> {
  const files = await folder.files();
  const all = await Promise.all(
    files.map(async (name) => {
      const { ino, mtimeMs } = await stat(folder.at(name));
      return [name, `${ino} ${mtimeMs}`] as const;
    }),
  );
  return Object.fromEntries(all);
}

describe('what is handed over', () => {
  it('is every file of the briefs whose approval counts, and nothing else', async () => {
    const folder = await DecidedFolder.make([
      { brief_id: 'a' },
      { brief_id: 'b' },
      { brief_id: 'c', contents: { 'c~1.mp4': 'film', 'c~2.png': 'frame' } },
      { brief_id: 'd' },
      { brief_id: 'e' },
    ]);
    await folder.decide('approved', 'a', 'b', 'c', 'e');
    await folder.decide('rejected', 'b');
    // Of an attempt that is not here any more.
    await folder.results.change('e', { attempt: 2 });
    const delivery = await folder.deliver();
    expect(await folder.files()).toEqual(['a.png', 'c~1.mp4', 'c~2.png']);
    expect(`${await folder.read('a.png')}`).toBe('picture a');
    expect(delivery).toMatchObject({ briefs: 2, files: 3, written: 3, removed: 0 });
    expect(delivery.table).toBe('approved.csv');
  });

  it('is nothing, and no folder, where nothing was approved', async () => {
    const folder = await DecidedFolder.make([{ brief_id: 'a' }]);
    await folder.decide('again', 'a');
    expect(await folder.deliver()).toMatchObject({ briefs: 0, files: 0, table: null });
    expect(existsSync(folder.at(''))).toBe(false);
    expect(existsSync(folder.results.at('delivered.jsonl'))).toBe(false);
  });

  it('leaves the results as they are, for verify too (S5)', async () => {
    const folder = await DecidedFolder.approved(['a', 'b', 'c']);
    await folder.results.report({ rows: 3, briefs: 3, admitted: 3, failed: 0 });
    await folder.results.writeTable();
    await folder.deliver();
    expect(await verifyFolder(folder.path)).toMatchObject({ ok: true, problems: [], warnings: [] });
  });

  it('is a file of its own, so that whoever edits it in place edits no result (S5)', async () => {
    const folder = await DecidedFolder.approved(['a']);
    await folder.deliver();
    await writeFile(folder.at('a.png'), 'retouched');
    expect(await readFile(folder.results.at('assets/a.png'), 'utf8')).toBe('picture a');
  });

  it('is the result itself where links are asked for', async () => {
    const folder = await DecidedFolder.approved(['a', 'b']);
    expect(await folder.deliver({ as: 'links' })).toMatchObject({
      written: 2,
      copied_for_links: false,
    });
    const [own, given] = [folder.results.at('assets/a.png'), folder.at('a.png')];
    expect((await stat(given)).ino).toBe((await stat(own)).ino);
    expect(await folder.deliver({ as: 'links' })).toMatchObject({ written: 0, files: 2 });
    // From links to copies, and back.
    expect(await folder.deliver({ as: 'copies' })).toMatchObject({ written: 2 });
    expect((await stat(given)).ino).not.toBe((await stat(own)).ino);
    await folder.deliver({ as: 'links' });
    expect((await stat(given)).ino).toBe((await stat(own)).ino);
    expect(await folder.files()).toEqual(['a.png', 'b.png']);
  });

  it('is never another file than the one that was approved: damage is told', async () => {
    const folder = await DecidedFolder.approved(['a', 'b', 'c']);
    await writeFile(folder.results.at('assets/a.png'), 'pictüre a');
    await unlink(folder.results.at('assets/b.png'));
    const delivery = await folder.deliver();
    expect(await folder.files()).toEqual(['c.png']);
    expect(delivery).toMatchObject({ briefs: 1, files: 1, not_delivered: { count: 2 } });
    expect(delivery.not_delivered.first.map(({ brief_id: id }) => id)).toEqual(['a', 'b']);
    expect((await folder.table()).map(({ brief_id: id }) => id)).toEqual(['c']);
  });

  it('never comes from outside of the folder, whatever a manifest says', async () => {
    const folder = await DecidedFolder.approved(['a']);
    await folder.results.write('../outside.txt', 'picture a');
    const [line] = await folder.results.lines();
    const [asset] = line?.assets ?? [];
    if (asset === undefined) throw new Error('there is an asset');
    await folder.results.change('a', { assets: [{ ...asset, path: 'assets/../../outside.txt' }] });
    expect(await folder.deliver()).toMatchObject({ files: 0, not_delivered: { count: 1 } });
    await rm(join(folder.path, '../outside.txt'));
    expect(await folder.files()).toEqual([]);
  });
});

describe('the names', () => {
  const named = (id: string, patch: Partial<Brief> = {}): Brief => ({ brief_id: id, ...patch });

  it('are those of the row, else the id without the marks of an attempt', async () => {
    const folder = await DecidedFolder.make([
      named('a', { name: 'Lamp, red', contents: { 'Lamp_red.png': 'a' } }),
      named('00101/still/2', {
        attempt: 3,
        contents: { '00101_still_2~abcdef0123~try3.jpg': 'b' },
      }),
    ]);
    await folder.decide('approved', 'a', '00101/still/2');
    await folder.deliver();
    expect(await folder.files()).toEqual(['00101_still_2.jpg', 'Lamp_red.png']);
  });

  it('are made of a template over columns, id, model, output and number', async () => {
    const input = { Title: 'Großer Hase', 'Variant SKU': 'h-1', seo: { handle: 'hare' } };
    const folder = await DecidedFolder.make([
      named('1', { input, output: 'still' }),
      named('2', { input, output: 'film', contents: { '2.mp4': 'film' } }),
    ]);
    await folder.decide('approved', '1', '2');
    await folder.deliver({ name: '{{ Title | slugify }}-{{output}}-{{variant sku}}-{{id}}' });
    expect(await folder.files()).toEqual([
      'großer-hase-film-h-1-2.mp4',
      'großer-hase-still-h-1-1.png',
    ]);
    await folder.deliver({ name: '{{seo.handle}}-{{n}}' });
    expect(await folder.files()).toEqual(['hare-1.png', 'hare-2.mp4']);
  });

  it('are unique without regard to case, in input order', async () => {
    const titles = ['lamp', 'Lamp', 'LAMP', 'straße', 'STRASSE', 'lamp~2', 'lamp'];
    const folder = await DecidedFolder.make(
      titles.map((title, index) => named(`b${index}`, { input: { title } })),
    );
    await folder.decide('approved', ...titles.map((_, index) => `b${index}`));
    await folder.deliver({ name: '{{title}}' });
    const table = await folder.table();
    expect(table.map(({ file }) => file)).toEqual([
      'lamp.png',
      'Lamp~2.png',
      'LAMP~3.png',
      'straße.png',
      'STRASSE~2.png',
      'lamp_2.png',
      'lamp~4.png',
    ]);
    expect(await folder.files()).toEqual(table.map(({ file }) => file ?? '').sort());
  });

  it('are numbered for several files of a brief, and shared by files of other kinds', async () => {
    const folder = await DecidedFolder.make([
      named('a', { input: { t: 'x' }, contents: { 'a~1.png': '1', 'a~2.png': '2' } }),
      named('b', { input: { t: 'x' } }),
      named('c', { input: { t: 'x' }, contents: { 'c.txt': 'caption' } }),
    ]);
    await folder.decide('approved', 'a', 'b', 'c');
    await folder.deliver({ name: '{{t}}' });
    expect((await folder.table()).map(({ file }) => file)).toEqual([
      'x~1.png | x~2.png',
      'x~3.png',
      'x.txt',
    ]);
    await folder.deliver({ name: '{{t}}-{{n}}' });
    expect((await folder.table()).map(({ file }) => file)).toEqual([
      'x-1.png | x-2.png',
      'x-3.png',
      'x-4.txt',
    ]);
  });

  it('are safe on every system, and for a shell and a spreadsheet', async () => {
    const titles = ['con', 'a/b:c*?', '..', '-rf', '=SUM(A1)', 'approved', 'ü'.repeat(300)];
    const folder = await DecidedFolder.make(
      titles.map((title, index) =>
        named(`b${index}`, { input: { title }, contents: { [`b${index}.csv`]: `${index}` } }),
      ),
    );
    await folder.decide('approved', ...titles.map((_, index) => `b${index}`));
    await folder.deliver({ name: '{{title}}' });
    const files = (await folder.table()).map(({ file }) => file);
    expect(files).toEqual([
      '_con.csv',
      'a_b_c_.csv',
      '_.csv',
      '_-rf.csv',
      '_SUM_A1_.csv',
      'approved~2.csv',
      `${'ü'.repeat(60)}.csv`,
    ]);
    for (const file of files) expect(existsSync(folder.at(file ?? ''))).toBe(true);
  });

  it('are told where the template says nothing: the brief keeps its own', async () => {
    const folder = await DecidedFolder.make([
      named('a', { input: { title: '' } }),
      named('b', { input: { title: 'hare' } }),
    ]);
    await folder.decide('approved', 'a', 'b');
    const { unnamed } = await folder.deliver({ name: '{{title}}' });
    expect(await folder.files()).toEqual(['a.png', 'hare.png']);
    expect(unnamed).toMatchObject({ count: 1, first: [{ brief_id: 'a', file: 'a.png' }] });
  });

  it('are refused before anything is written where no row has such a column', async () => {
    const folder = await DecidedFolder.approved(['a']);
    await expect(folder.deliver({ name: '{{skuu}}' })).rejects.toMatchObject({
      code: 'bad_input',
      message: expect.stringMatching(/--name needs a column "skuu".*did you mean "sku"/),
    });
    await expect(folder.deliver({ name: '{{sku' })).rejects.toMatchObject({ code: 'bad_input' });
    expect(existsSync(folder.at(''))).toBe(false);
  });
});

describe('approved.csv', () => {
  it('has the columns of the input, then the file, in input order, safe in a spreadsheet', async () => {
    const folder = await DecidedFolder.make([
      {
        brief_id: 'b',
        seq: 2,
        row: 3,
        input: { sku: '00123', title: '=1+1', file: 'theirs' },
        text: 'A "hare"\nin snow',
        contents: { 'b.txt': 'A "hare"\nin snow' },
      },
      { brief_id: 'a', seq: 1, row: 2, input: { sku: '0001', title: 'ok' }, output: 'still' },
    ]);
    await folder.decide('approved', 'a', 'b');
    await folder.deliver();
    const text = `${await folder.read('approved.csv')}`;
    expect(text.split('\n')[0]).toBe('sku,title,file,result_file,brief_id,output,text');
    expect(await folder.table()).toEqual([
      {
        ...{ sku: '0001', title: 'ok', file: '', result_file: 'a.png' },
        ...{ brief_id: 'a', output: 'still', text: '' },
      },
      {
        ...{ sku: '00123', title: "'=1+1", file: 'theirs', result_file: 'b.txt' },
        ...{ brief_id: 'b', output: '', text: 'A "hare"\nin snow' },
      },
    ]);
  });

  it('is not written over where somebody has changed it', async () => {
    const folder = await DecidedFolder.approved(['a']);
    await folder.deliver();
    await appendFile(folder.at('approved.csv'), 'my,own,row\n');
    await folder.decide('rejected', 'a');
    const delivery = await folder.deliver();
    expect(delivery).toMatchObject({ table: 'approved~2.csv', evaded: { count: 1 } });
    expect(`${await folder.read('approved.csv')}`).toContain('my,own,row');
    expect(await folder.table('approved~2.csv')).toEqual([]);
    await unlink(folder.at('approved.csv'));
    expect(await folder.deliver()).toMatchObject({ table: 'approved.csv', evaded: { count: 0 } });
    expect(existsSync(folder.at('approved~2.csv'))).toBe(false);
  });
});

describe('handed over again', () => {
  it('writes nothing where nothing has changed, the table and the record neither', async () => {
    const folder = await DecidedFolder.approved(['a', 'b']);
    await folder.deliver();
    const kept = ['approved/approved.csv', 'delivered.jsonl'];
    const timesOfKept = () =>
      Promise.all(kept.map(async (name) => (await stat(folder.results.at(name))).ino));
    const [before, beforeKept] = [await timesOf(folder), await timesOfKept()];
    expect(await folder.deliver()).toMatchObject({ files: 2, written: 0, removed: 0 });
    expect(await timesOf(folder)).toEqual(before);
    expect(await timesOfKept()).toEqual(beforeKept);
  });

  it('writes what has changed, and takes away what is not approved any more', async () => {
    const folder = await DecidedFolder.approved(['a', 'b', 'c']);
    await folder.deliver();
    const before = await timesOf(folder);
    await folder.replaceBriefs([
      { brief_id: 'a' },
      { brief_id: 'b', attempt: 2, contents: { 'b~try2.png': 'picture b, again' } },
      { brief_id: 'c' },
      { brief_id: 'd' },
    ]);
    await folder.decide('approved', 'b', 'd');
    await folder.decide('rejected', 'c');
    expect(await folder.deliver()).toMatchObject({ files: 3, written: 2, removed: 1 });
    expect(await folder.files()).toEqual(['a.png', 'b.png', 'd.png']);
    expect(`${await folder.read('b.png')}`).toBe('picture b, again');
    expect((await timesOf(folder))['a.png']).toBe(before['a.png']);
  });

  it('takes nothing away twice, and everything where nothing is approved any more', async () => {
    const folder = await DecidedFolder.approved(['a', 'b']);
    await folder.deliver();
    await writeFile(folder.at('mine.png'), 'mine');
    await folder.decide('undecided' as 'again', 'a');
    await folder.decide('rejected', 'a', 'b');
    expect(await folder.deliver()).toMatchObject({ files: 0, removed: 2 });
    expect(await folder.files()).toEqual(['mine.png']);
    expect(await folder.deliver()).toMatchObject({ files: 0, removed: 0 });
  });

  it('changes names with their template, in letters of another size too', async () => {
    const folder = await DecidedFolder.make([{ brief_id: 'a', input: { t: 'Hare' } }]);
    await folder.decide('approved', 'a');
    await folder.deliver({ name: '{{t}}' });
    await folder.deliver({ name: '{{t | upper}}' });
    expect(await folder.files()).toEqual(['HARE.png']);
    await folder.deliver();
    expect(await folder.files()).toEqual(['a.png']);
  });

  it('gives a name that another brief has had to the one that has it now', async () => {
    const folder = await DecidedFolder.make([
      { brief_id: '1', input: { t: 'x' } },
      { brief_id: '2', input: { t: 'x' } },
    ]);
    await folder.decide('approved', '2');
    await folder.deliver({ name: '{{t}}' });
    expect(`${await folder.read('x.png')}`).toBe('picture 2');
    await folder.decide('approved', '1');
    await folder.deliver({ name: '{{t}}' });
    expect(`${await folder.read('x.png')}${await folder.read('x~2.png')}`).toBe(
      'picture 1picture 2',
    );
    await folder.decide('rejected', '1');
    await folder.deliver({ name: '{{t}}' });
    expect(await folder.files()).toEqual(['x.png']);
    expect(`${await folder.read('x.png')}`).toBe('picture 2');
  });

  it('makes good what was deleted, one file or the whole folder', async () => {
    const folder = await DecidedFolder.approved(['a', 'b']);
    await folder.deliver();
    await unlink(folder.at('a.png'));
    expect(await folder.deliver()).toMatchObject({ files: 2, written: 1 });
    await rename(folder.at(''), folder.results.at('shipped'));
    expect(await folder.deliver()).toMatchObject({ files: 2, written: 2 });
    expect(await folder.files()).toEqual(['a.png', 'b.png']);
  });

  it('knows its files after the folder was copied, with the record and without', async () => {
    const folder = await DecidedFolder.approved(['a', 'b']);
    await folder.deliver();
    await rename(folder.at(''), folder.results.at('moved'));
    await cp(folder.results.at('moved'), folder.at(''), { recursive: true });
    await utimes(folder.at('a.png'), 1, 1);
    expect(await folder.deliver()).toMatchObject({ files: 2, written: 0 });
    await unlink(folder.results.at('delivered.jsonl'));
    expect(await folder.deliver()).toMatchObject({ files: 2, written: 0, table: 'approved.csv' });
    await folder.decide('rejected', 'a');
    expect(await folder.deliver()).toMatchObject({ files: 1, removed: 1 });
    expect(await folder.files()).toEqual(['b.png']);
  });
});

describe('what somebody else has put there', () => {
  it('is never written over or taken away: ours gets another name, and that is told', async () => {
    const folder = await DecidedFolder.approved(['a', 'b', 'c']);
    await mkdir(folder.at('c.png'), { recursive: true });
    await writeFile(folder.at('a.png'), 'mine');
    await symlink('/nowhere', folder.at('b.png'));
    await writeFile(folder.at('notes.txt'), 'mine too');
    const delivery = await folder.deliver();
    expect(delivery.evaded).toMatchObject({ count: 3 });
    expect((await folder.table()).map(({ file }) => file)).toEqual([
      'a~2.png',
      'b~2.png',
      'c~2.png',
    ]);
    expect(`${await folder.read('a.png')}`).toBe('mine');
    expect(await folder.deliver()).toMatchObject({ written: 0, evaded: { count: 3 } });
    await unlink(folder.at('a.png'));
    expect(await folder.deliver()).toMatchObject({ written: 1, removed: 1 });
    expect(await folder.files()).toEqual([
      ...['a.png', 'b.png', 'b~2.png', 'c.png', 'c~2.png', 'notes.txt'],
    ]);
  });

  it('is one of ours that was retouched, too: it stays, and stands in the table', async () => {
    const folder = await DecidedFolder.approved(['a', 'b']);
    await folder.deliver();
    await writeFile(folder.at('a.png'), 'retouched');
    for (let time = 0; time < 2; time += 1) {
      expect(await folder.deliver()).toMatchObject({ written: 0, changed: { count: 1 } });
    }
    expect(`${await folder.read('a.png')}`).toBe('retouched');
    expect((await folder.table()).map(({ file }) => file)).toEqual(['a.png', 'b.png']);
  });

  it('stays when what it was made of is another one, or not approved any more', async () => {
    const folder = await DecidedFolder.approved(['a', 'b']);
    await folder.deliver();
    await writeFile(folder.at('a.png'), 'retouched');
    await writeFile(folder.at('b.png'), 'retouched');
    await folder.replaceBriefs([
      { brief_id: 'a', attempt: 2, contents: { 'a~try2.png': 'picture a, again' } },
      { brief_id: 'b' },
    ]);
    await folder.decide('approved', 'a');
    await folder.decide('rejected', 'b');
    const delivery = await folder.deliver();
    expect(delivery).toMatchObject({
      ...{ written: 1, removed: 0 },
      ...{ evaded: { count: 1 }, changed: { count: 1, first: [{ file: 'b.png' }] } },
    });
    expect(await folder.files()).toEqual(['a.png', 'a~2.png', 'b.png']);
    expect(`${await folder.read('a~2.png')}`).toBe('picture a, again');
    expect((await folder.table()).map(({ file }) => file)).toEqual(['a~2.png']);
    // From now on they are somebody else's, and nothing more is told of the one that is in nobody's way.
    expect(await folder.deliver()).toMatchObject({ changed: { count: 0 }, evaded: { count: 1 } });
  });
});

describe('two at once', () => {
  it('hand over the same, once', async () => {
    const folder = await DecidedFolder.approved(['a', 'b', 'c']);
    const both = await Promise.all([folder.deliver(), folder.deliver()]);
    expect(both.map(({ written }) => written).sort()).toEqual([0, 3]);
    expect(await folder.files()).toEqual(['a.png', 'b.png', 'c.png']);
  });
});

describe('a folder that cannot be written', () => {
  it('is said in a sentence', async () => {
    const folder = await DecidedFolder.approved(['a']);
    await writeFile(folder.results.at('approved'), 'a file');
    await expect(folder.deliver()).rejects.toMatchObject({
      code: 'output_unusable',
      message: expect.stringContaining('approved'),
    });
  });
});
