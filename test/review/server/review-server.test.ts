import { appendFile, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { readDecisions } from '../../../src/results/decisions.js';
import { takeDecisions } from '../../../src/results/take-decisions.js';
import type { ReviewData } from '../../../src/review/review-brief.js';
import { ResultsFolder } from '../../results/results-folder.js';
import { ask } from '../../support/ask.js';
import { makeReviewFolder } from '../../support/review-folder.js';
import { type Heard, openReview } from './open-review.js';

/** What a page sends of a brief that the folder has. */
async function saidOf(folder: ResultsFolder, briefId: string, patch: object = {}) {
  const line = (await folder.lines()).find(({ brief_id: id }) => id === briefId);
  const sha256 = line?.assets[0]?.sha256 ?? 'f'.repeat(64);
  return {
    brief_id: briefId,
    attempt: 1,
    sha256,
    decision: 'approved',
    note: null,
    prompt: null,
    ...patch,
  };
}

const kept = async (folder: ResultsFolder) =>
  (await readFile(folder.at('decisions.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

const hasDecisions = ({ decisions }: Heard) => decisions !== undefined;
const hasLines = (lines: number) => (heard: Heard) => heard.lines === lines;

describe('the page', () => {
  it('and all that belongs to it is given to those who have the token, and to nobody else', async () => {
    const folder = await ResultsFolder.make();
    const { review, reviewer } = await openReview(folder.path);
    const { origin, get } = await reviewer();
    const paths = ['/', '/page.js', '/page.css', '/icon.svg', '/data', '/assets/a.png'];
    for (const path of [
      ...paths,
      '/events',
      '/nowhere',
      '/decisions',
      `/thumbnails/${'a'.repeat(64)}.webp`,
    ]) {
      expect([path, (await ask(origin, path)).status]).toEqual([path, 401]);
    }
    for (const path of [...paths, '/totals']) {
      expect([path, (await get(path)).status]).toEqual([path, 200]);
    }
    expect(JSON.parse((await get('/totals')).text)).toMatchObject({ briefs: { succeeded: 3 } });
    expect((await get('/nowhere')).status).toBe(404);
    const page = await get('/');
    expect(page.headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self';/,
    );
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.text).not.toContain(review.token);
  });

  it('may be opened with the password, too', async () => {
    const folder = await ResultsFolder.make();
    const login = { user: 'monitor', password: 'a long word' };
    const { review } = await openReview(folder.path, { login });
    const { origin } = new URL(review.url);
    const basic = (password: string) => ({
      authorization: `Basic ${Buffer.from(`monitor:${password}`).toString('base64')}`,
    });
    expect((await ask(origin, '/data', { headers: basic('a long word') })).status).toBe(200);
    const wrong = await ask(origin, '/data', { headers: basic('x') });
    expect([wrong.status, wrong.headers['content-type']]).toEqual([
      401,
      'text/plain; charset=utf-8',
    ]);
  });

  it('is not served on a port that is taken, and says what to do', async () => {
    const folder = await ResultsFolder.make();
    const { review } = await openReview(folder.path);
    const port = Number(new URL(review.url).port);
    await expect(openReview(folder.path, { port })).rejects.toThrow(
      'something listens there already. Choose another with --port.',
    );
  });
});

describe('the data', () => {
  it('has every brief with what was decided, in input order, zipped for those who take it', async () => {
    const folder = await ResultsFolder.make();
    const { reviewer } = await openReview(folder.path);
    const { get, data, decide } = await reviewer();
    await decide([await saidOf(folder, 'b', { decision: 'rejected', note: 'too dark' })]);
    const zipped = await get('/data', { headers: { 'accept-encoding': 'gzip, br' } });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(zipped.headers['cache-control']).toBe('no-store');
    const plain = await data();
    expect(JSON.parse(gunzipSync(zipped.bytes).toString())).toEqual(plain);
    expect(plain).toMatchObject({
      total: 4,
      matching: 4,
      page: 1,
      pages: 1,
      canDecide: true,
      unreadable: 0,
    });
    expect(plain.briefs.map(({ id, decision }) => [id, decision?.decision ?? null])).toEqual([
      ['a', null],
      ['b', 'rejected'],
      ['c', null],
      ['d', null],
    ]);
    expect(plain.briefs[1]?.decision?.note).toBe('too dark');
  });

  it('has what a query finds, in its order', async () => {
    const folder = await ResultsFolder.make();
    const { reviewer } = await openReview(folder.path);
    const { data, decide } = await reviewer();
    await decide([await saidOf(folder, 'c'), await saidOf(folder, 'a')]);
    const ids = ({ briefs }: ReviewData) => briefs.map(({ id }) => id);
    expect(ids(await data('?status=failed'))).toEqual(['d']);
    expect(ids(await data('?decision=approved'))).toEqual(['a', 'c']);
    const dearest = await data('?sort=dearest');
    expect([dearest.matching, ids(dearest).at(-1)]).toEqual([4, 'd']);
    expect(await data('?q=nowhere+to+be+found&page=9')).toMatchObject({
      matching: 0,
      total: 4,
      page: 1,
      briefs: [],
    });
  });

  it('leaves out lines that cannot be read, and says how many', async () => {
    const folder = await ResultsFolder.make();
    const said = [await saidOf(folder, 'a'), await saidOf(folder, 'b')];
    const lines = (await readFile(folder.at('manifest.jsonl'), 'utf8')).trimEnd().split('\n');
    lines.splice(1, 1, '{"brief_id":"b","bat', '\u0000\u0001');
    await folder.write('manifest.jsonl', `${lines.join('\n')}\n{"torn`);
    const { reviewer, warnings } = await openReview(folder.path);
    const { data, decide, get } = await reviewer();
    const found = await data();
    expect(found).toMatchObject({ total: 3, unreadable: 2 });
    expect(found.briefs.map(({ id }) => id)).toEqual(['a', 'c', 'd']);
    expect((await get('/assets/b.png')).status).toBe(404);
    const result = await decide(said);
    expect(result.taken).toMatchObject([{ brief_id: 'a' }]);
    expect(result.left_out).toMatchObject([{ brief_id: 'b', because: 'unknown_brief' }]);
    expect(warnings).toEqual([]);
  });
});

describe('decisions', () => {
  it('are kept on disk as soon as they are taken, with the time of the server', async () => {
    const folder = await ResultsFolder.make();
    const { reviewer } = await openReview(folder.path, {
      clock: { now: () => Date.parse('2026-06-01T12:00:00Z') },
    });
    const { decide } = await reviewer();
    const said = await saidOf(folder, 'a', { decision: 'again', prompt: 'A hare', note: 'n\n"ö"' });
    const result = await decide([{ ...said, at: '1999-01-01T00:00:00Z' }]);
    const decision = { ...said, at: '2026-06-01T12:00:00.000Z' };
    expect(result).toEqual({ taken: [decision], left_out: [] });
    expect(await kept(folder)).toEqual([decision]);
  });

  it('about other briefs, attempts and files are left out as by --take, and told; the others are taken', async () => {
    const folder = await ResultsFolder.make();
    const { reviewer } = await openReview(folder.path);
    const { decide } = await reviewer();
    const result = await decide([
      await saidOf(folder, 'nobody'),
      await saidOf(folder, 'a', { attempt: 2 }),
      await saidOf(folder, 'b', { sha256: 'e'.repeat(64) }),
      await saidOf(folder, 'd'),
      { ...(await saidOf(folder, 'b')), decision: 'perhaps' },
      'what?',
      await saidOf(folder, 'c', { decision: 'undecided' }),
    ]);
    expect(result.left_out.map(({ brief_id: id, because }) => [id, because])).toEqual([
      ['nobody', 'unknown_brief'],
      ['a', 'other_attempt'],
      ['b', 'other_file'],
      ['d', 'other_file'],
      [null, 'unreadable'],
      [null, 'unreadable'],
    ]);
    expect(result.taken.map(({ brief_id: id }) => id)).toEqual(['c']);
    expect(await kept(folder)).toHaveLength(1);
  });

  it('from another site, or that are no list of decisions, are not taken', async () => {
    const folder = await ResultsFolder.make();
    const { reviewer } = await openReview(folder.path);
    const { origin, get } = await reviewer();
    const body = JSON.stringify({ decisions: [await saidOf(folder, 'a')] });
    const post = (headers: Record<string, string>, sent = body) =>
      get('/decisions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: sent,
      });
    expect((await post({})).status).toBe(403);
    expect((await post({ origin: 'http://evil.example' })).status).toBe(403);
    expect((await post({ origin, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await post({ origin, 'content-type': 'text/plain' })).status).toBe(400);
    for (const sent of ['{}', '[]', '{"decisions":5}', '{"decisions":[', 'null']) {
      expect([sent, (await post({ origin }, sent)).status]).toEqual([sent, 400]);
    }
    await expect(kept(folder)).rejects.toThrow('ENOENT');
    expect((await post({ origin })).status).toBe(200);
  });

  it('stand in manifest.csv soon after, and at once where the server ends', async () => {
    const folder = await ResultsFolder.make();
    const { review, reviewer } = await openReview(folder.path);
    const { decide } = await reviewer();
    const column = async () =>
      (
        parse(await readFile(folder.at('manifest.csv'), 'utf8'), { columns: true }) as Record<
          string,
          string
        >[]
      ).map(({ decision }) => decision);
    await decide([await saidOf(folder, 'a')]);
    await expect.poll(column).toEqual(['approved', '', '', '']);
    await decide([await saidOf(folder, 'b', { decision: 'rejected' })]);
    await review.close();
    expect(await column()).toEqual(['approved', 'rejected', '', '']);
  });

  it('of a hundred at once and of two servers are all kept, whole', async () => {
    const folder = await ResultsFolder.make();
    const reviewers = [
      await (await openReview(folder.path)).reviewer(),
      await (await openReview(folder.path)).reviewer(),
    ];
    const said = await Promise.all(
      Array.from({ length: 50 }, async (_, index) =>
        saidOf(folder, 'a', { note: `note ${index}` }),
      ),
    );
    await Promise.all(said.flatMap((one) => reviewers.map(({ decide }) => decide([one]))));
    const notes = (await kept(folder)).map(({ note }) => note).sort();
    expect(notes).toEqual(said.flatMap(({ note }) => [note, note]).sort());
  });
});

describe('events', () => {
  it('tell every reviewer what another one decides, as it happens', async () => {
    const folder = await ResultsFolder.make();
    const { reviewer } = await openReview(folder.path);
    const [ann, ben] = [await reviewer(), await reviewer()];
    const [heardByAnn, heardByBen] = [await ann.listen(), await ben.listen()];
    await ann.decide([await saidOf(folder, 'a', { decision: 'rejected', note: 'no' })]);
    for (const heard of [heardByAnn, heardByBen]) {
      const { decisions = [] } = await heard.next(hasDecisions);
      expect(decisions).toMatchObject([{ brief_id: 'a', decision: 'rejected', note: 'no' }]);
    }
    await ben.decide([await saidOf(folder, 'a')]);
    expect((await heardByAnn.next(hasDecisions)).decisions).toMatchObject([
      { decision: 'approved' },
    ]);
    const [a] = await folder.lines();
    expect(a && (await readDecisions(folder.path)).of(a)).toBe('approved');
  });

  it('tell what other processes decide: --take, and a second server', async () => {
    const folder = await ResultsFolder.make();
    const ann = await (await openReview(folder.path)).reviewer();
    const heard = await ann.listen();
    const at = '2026-06-02T09:00:00.000Z';
    await folder.write('said.jsonl', `${JSON.stringify({ ...(await saidOf(folder, 'b')), at })}\n`);
    await takeDecisions(folder.path, folder.at('said.jsonl'));
    expect((await heard.next(hasDecisions)).decisions).toMatchObject([{ brief_id: 'b', at }]);
    const other = await (await openReview(folder.path)).reviewer();
    await other.decide([await saidOf(folder, 'c')]);
    expect((await heard.next(hasDecisions)).decisions).toMatchObject([{ brief_id: 'c' }]);
  });

  it('go on from a mark, so that nothing is missed between two connections, nor after the data', async () => {
    const folder = await ResultsFolder.make();
    const { reviewer } = await openReview(folder.path);
    const ann = await reviewer();
    const { mark } = await ann.data();
    await ann.decide([await saidOf(folder, 'a')]);
    const first = await ann.listen(`/events?since=${mark}`);
    expect((await first.next(hasDecisions)).decisions).toMatchObject([{ brief_id: 'a' }]);
    const id = first.lastId();
    first.close();
    await ann.decide([await saidOf(folder, 'b'), await saidOf(folder, 'c')]);
    const second = await ann.listen(`/events?since=${id}`);
    expect((await second.next(hasDecisions)).decisions).toMatchObject([
      { brief_id: 'b' },
      { brief_id: 'c' },
    ]);
    const strange = await ann.listen('/events?since=what');
    expect((await strange.next(hasDecisions)).decisions).toHaveLength(3);
  });

  it('tell all decisions again where another file has come in place of theirs, and none that is half written', async () => {
    const folder = await ResultsFolder.make();
    const { reviewer } = await openReview(folder.path);
    const ann = await reviewer();
    await ann.decide([await saidOf(folder, 'a'), await saidOf(folder, 'b')]);
    const heard = await ann.listen();
    await heard.next(hasLines(4));
    const at = '2026-06-02T09:00:00.000Z';
    const text = JSON.stringify({ ...(await saidOf(folder, 'c')), at });
    await appendFile(folder.at('decisions.jsonl'), text.slice(0, 20));
    await ann.decide([await saidOf(folder, 'c', { note: 'whole' })]);
    expect((await heard.next(hasDecisions)).decisions).toMatchObject([{ note: 'whole' }]);
    await writeFile(folder.at('other.jsonl'), `${text}\n`);
    await rename(folder.at('other.jsonl'), folder.at('decisions.jsonl'));
    expect((await heard.next(hasDecisions)).decisions).toMatchObject([{ brief_id: 'c', at }]);
  });

  it('tell of lines that come while the batch runs, which can be decided on, and of a manifest that is another one', async () => {
    const folder = await ResultsFolder.make();
    const lines = await folder.lines();
    await folder.writeLines(lines.slice(0, 2));
    const { reviewer } = await openReview(folder.path);
    const ann = await reviewer();
    const heard = await ann.listen();
    expect(await heard.next(hasLines(2))).toEqual({ lines: 2 });
    expect((await ann.get('/assets/c.png')).status).toBe(404);
    await appendFile(folder.at('manifest.jsonl'), `${JSON.stringify(lines[2])}\n{"brief_id":`);
    expect(await heard.next(hasLines(3))).toEqual({ lines: 3 });
    expect((await ann.get('/assets/c.png')).text).toBe('picture c');
    expect((await ann.decide([await saidOf(await ResultsFolder.make(), 'c')])).taken).toHaveLength(
      1,
    );
    expect(await ann.data()).toMatchObject({ total: 3 });
    // As a retry does it.
    const again = { ...lines[0], attempt: 2 };
    const text = [again, ...lines.slice(1)].map((line) => `${JSON.stringify(line)}\n`).join('');
    await folder.write('manifest.jsonl.part', text);
    await rename(folder.at('manifest.jsonl.part'), folder.at('manifest.jsonl'));
    expect(await heard.next(hasLines(4))).toEqual({ lines: 4, rewritten: true });
    const late = await ann.decide([{ ...(await saidOf(folder, 'a')), attempt: 1 }]);
    expect(late.left_out).toMatchObject([{ because: 'other_attempt' }]);
  });

  it('are looked for only while somebody listens', async () => {
    const folder = await ResultsFolder.make();
    const { review, reviewer } = await openReview(folder.path);
    const ann = await reviewer();
    expect(review.desk.feed.listeners).toBe(0);
    const heard = await ann.listen();
    expect(review.desk.feed.listeners).toBe(1);
    heard.close();
    await expect.poll(() => review.desk.feed.listeners).toBe(0);
  });
});

describe('files', () => {
  it('are those that lines name, of the manifest or of the history, and no others', async () => {
    const folder = await ResultsFolder.make();
    const [line] = await folder.lines();
    const earlier = await folder.asset('assets/a-old.png', 'earlier');
    await folder.write(
      'history.jsonl',
      `${JSON.stringify({ ...line, attempt: 1, assets: [earlier] })}\n`,
    );
    await folder.write('assets/secret.png', 'not named');
    await folder.write('.env', 'RIVYA_API_KEY=x');
    const { reviewer } = await openReview(folder.path);
    const { get } = await reviewer();
    expect((await get('/assets/a.png')).text).toBe('picture a');
    expect((await get('/assets/a-old.png')).text).toBe('earlier');
    for (const path of [
      '/assets/secret.png',
      '/assets/../manifest.jsonl',
      '/assets/..%2fmanifest.jsonl',
      '/assets/%2e%2e/manifest.jsonl',
      '/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
      '/assets/..%5cmanifest.jsonl',
      '/assets//a.png',
      '/assets/./a.png',
      '/assets/a.png/',
      '/assets/a.png%00.jpg',
      '/assets/%',
      '/assets/',
      '/assets/%2fetc/passwd',
      '/aside/../.env',
      '/.env',
      '/manifest.jsonl',
      '/decisions.jsonl',
      '//etc/passwd',
    ]) {
      const { status, text } = await get(path);
      expect([path, status >= 400 && status < 500]).toEqual([path, true]);
      expect(text).not.toMatch(/brief_id|root:|RIVYA|not named/);
    }
  });

  it('may be such as were set aside: what came and was no result', async () => {
    const folder = await ResultsFolder.make();
    await mkdir(folder.at('aside'));
    const [flat, cut] = [
      await folder.asset('aside/flat.png', 'one colour'),
      await folder.asset('aside/cut.png', 'half of it'),
    ];
    await folder.change('a', { aside: [flat] });
    await folder.change('d', { assets: [cut] });
    await folder.write('aside/other.png', 'not named');
    const { reviewer } = await openReview(folder.path);
    const { get } = await reviewer();
    expect((await get('/aside/flat.png')).text).toBe('one colour');
    expect((await get('/aside/cut.png')).text).toBe('half of it');
    expect((await get('/aside/other.png')).status).toBe(404);
  });

  it('lie in the folder, whatever a line or a link in their place says', async () => {
    const folder = await ResultsFolder.make();
    const elsewhere = await ResultsFolder.make();
    const [a, b] = await folder.lines();
    const outside = {
      path: '../outside.png',
      bytes: 1,
      sha256: 'a'.repeat(64),
      media_type: 'image/png',
    };
    const upwards = { ...outside, path: 'assets/../../outside.png' };
    await folder.writeLines([
      { ...(a as NonNullable<typeof a>), assets: [outside, upwards] },
      b as NonNullable<typeof b>,
    ]);
    await rename(folder.at('assets/b.png'), folder.at('assets/gone.png'));
    await symlink(elsewhere.at('assets/b.png'), folder.at('assets/b.png'));
    const { reviewer } = await openReview(folder.path);
    const { get } = await reviewer();
    for (const path of [
      '/assets/b.png',
      '/assets/../../outside.png',
      '/assets/..%2f..%2foutside.png',
    ]) {
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    }
    expect((await get(`/thumbnails/${'a'.repeat(64)}.webp`)).status).toBe(404);
  });

  it('come in parts where a film is wound forward, and once where they have not changed', async () => {
    const folder = await ResultsFolder.make();
    await folder.change('a', {
      assets: [{ ...(await folder.asset('assets/a.mp4', '0123456789')), media_type: 'video/mp4' }],
    });
    const { reviewer } = await openReview(folder.path);
    const { get } = await reviewer();
    const part = await get('/assets/a.mp4', { headers: { range: 'bytes=2-4' } });
    expect([part.status, part.text]).toEqual([206, '234']);
    expect(part.headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-range': 'bytes 2-4/10',
    });
    expect((await get('/assets/a.mp4', { headers: { range: 'bytes=7-' } })).text).toBe('789');
    expect((await get('/assets/a.mp4', { headers: { range: 'bytes=20-30' } })).status).toBe(416);
    const whole = await get('/assets/a.mp4');
    expect([whole.status, whole.headers['accept-ranges']]).toEqual([200, 'bytes']);
    const known = { 'if-none-match': String(whole.headers.etag) };
    expect((await get('/assets/a.mp4', { headers: known })).status).toBe(304);
  });

  it('never run as a page, whatever they are', async () => {
    const folder = await ResultsFolder.make();
    const page = '<script>document.title = "owned"</script>';
    const files = [
      ['evil.svg', 'image/svg+xml', 'inline', 'image/svg+xml'],
      ['evil.html', 'text/html', 'attachment', 'application/octet-stream'],
      ['evil.pdf', 'application/pdf', 'attachment', 'application/octet-stream'],
      ['evil.js', 'text/javascript', 'attachment', 'application/octet-stream'],
      ['odd.bin', 'image/png\r\nx-evil: 1', 'attachment', 'application/octet-stream'],
      ['plain.txt', 'text/plain', 'inline', 'text/plain; charset=utf-8'],
    ] as const;
    const assets = await Promise.all(
      files.map(async ([name, type]) => ({
        ...(await folder.asset(`assets/${name}`, page)),
        media_type: type,
      })),
    );
    await folder.change('a', { assets });
    const { reviewer } = await openReview(folder.path);
    const { get } = await reviewer();
    for (const [name, , disposition, type] of files) {
      const { status, headers } = await get(`/assets/${name}`);
      expect([name, status, headers['content-type']]).toEqual([name, 200, type]);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none';.* sandbox$/);
      expect(headers['content-disposition']).toBe(`${disposition}; filename*=UTF-8''${name}`);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['x-evil']).toBeUndefined();
    }
  });

  it('have names with anything in them that a name may hold', async () => {
    const folder = await ResultsFolder.make();
    const names = [
      '50% #1 & more?.png',
      "a'b(c)*.png",
      'größe 漢字.png',
      'a%2fb.png',
      'x;y=z,1.png',
    ];
    const assets = await Promise.all(names.map((name) => folder.asset(`assets/${name}`, name)));
    await folder.change('a', { assets });
    const { reviewer } = await openReview(folder.path);
    const { get } = await reviewer();
    for (const name of names) {
      const answer = await get(`/assets/${encodeURIComponent(name)}`);
      expect([answer.status, answer.text]).toEqual([200, name]);
    }
  });
});

describe('thumbnails', () => {
  it('are made where they are missing, of pictures that lines name alone', async () => {
    const { path } = await ResultsFolder.make();
    const folder = await makeReviewFolder(join(path, 'made'), { briefs: 10, thumbnails: false });
    const { reviewer } = await openReview(folder.path);
    const { get, data } = await reviewer();
    const { briefs } = await data();
    const hashes = briefs.flatMap(({ files, earlier }) => [
      ...files,
      ...earlier.flatMap((one) => one.files),
    ]);
    expect(hashes.length).toBeGreaterThan(9);
    for (const { sha256, mediaType } of hashes) {
      const { status, headers, bytes } = await get(`/thumbnails/${sha256}.webp`);
      if (!mediaType.startsWith('image/')) expect(status).toBe(404);
      else {
        expect([status, headers['content-type']]).toEqual([200, 'image/webp']);
        expect(bytes.toString('latin1', 8, 12)).toBe('WEBP');
      }
    }
    for (const name of [
      `${'0'.repeat(64)}.webp`,
      'x.webp',
      '..%2f..%2fmanifest.jsonl',
      `${'A'.repeat(64)}.webp`,
    ]) {
      expect((await get(`/thumbnails/${name}`)).status).toBe(404);
    }
  });

  it('are none of what cannot be decoded', async () => {
    const folder = await ResultsFolder.make();
    const [a] = await folder.lines();
    const { reviewer } = await openReview(folder.path);
    const { get } = await reviewer();
    for (let time = 0; time < 2; time += 1) {
      expect((await get(`/thumbnails/${a?.assets[0]?.sha256}.webp`)).status).toBe(404);
    }
  });
});
