import { once } from 'node:events';
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { makeWorkbook } from '../support/workbook.js';

type Answer = { status?: number; type?: string; location?: string; body: string | Buffer };

/**
 * A server of inputs, which stands in for the API as well: its own host is the one that may be on this machine and
 * without https. What is not an input is asked of the simulator.
 */
async function openInputs(desk: Desk) {
  const inputs = new Map<string, Answer>();
  const asked: string[] = [];
  const { origin: behind } = desk.simulator;
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const answer = inputs.get(path.split('?')[0] ?? '');
    if (answer === undefined) return void pass(request, response);
    asked.push(path);
    const { status = 200, type = 'text/csv', location, body } = answer;
    response.writeHead(status, { 'content-type': type, ...(location && { location }) }).end(body);
  });
  function pass(request: IncomingMessage, response: ServerResponse): void {
    const { method, headers } = request;
    // A connection of its own: one that is kept may have been closed at the other end.
    const asking = ask(`${behind}${request.url}`, { method, headers, agent: false }, (answer) => {
      void relay(answer, response);
    });
    asking.on('error', () => response.destroy());
    request.pipe(asking);
  }
  async function relay(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const type = answer.headers['content-type'] ?? '';
    // Links of results lead to where they may be fetched from.
    const body = type.includes('json') ? bytes.toString().replaceAll(behind, origin) : bytes;
    response.writeHead(answer.statusCode ?? 502, { 'content-type': type }).end(body);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const environment = { RIVYA_BASE_URL: origin };
  return { inputs, asked, origin, run: (words: string[]) => desk.run(words, { environment }) };
}

const secret = 'very-secret-token';

describe('inputs at addresses', () => {
  test('S1, S8: a run reads its address once, again for the same command, and keeps no query', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const { inputs, asked, origin, run } = await openInputs(desk);
    inputs.set('/feeds/spring.csv', { body: productsCsv(3) });
    const words = ['run', `${origin}/feeds/spring.csv?key=${secret}`, '--out', 'out'];
    const first = await run([...words, ...mapping, ...fast]);
    expect(first.code, first.stderr).toBe(0);
    expect(asked).toHaveLength(1);
    const lines = await desk.lines('out');
    expect(lines.map((line) => [line.brief_id, line.row, line.source]).sort()).toEqual([
      ['00001', 2, 'spring.csv'],
      ['00002', 3, 'spring.csv'],
      ['00003', 4, 'spring.csv'],
    ]);
    expect((await desk.report('out')).sources).toEqual([`${origin}/feeds/spring.csv`]);
    // Only what has changed by the next time is made.
    inputs.set('/feeds/spring.csv', { body: productsCsv(4).replace('Product 2', 'Another one') });
    const second = await run([...words, ...mapping, ...fast, '--yes']);
    expect(second.code, second.stderr).toBe(0);
    expect(asked).toHaveLength(2);
    expect(desk.simulator.bill().total.tasks).toBe(5);
    expect(desk.simulator.bill().billedTwice).toEqual([]);
    const continued = await run(['continue', 'out']);
    expect(continued.code).toBe(2);
    expect(continued.stderr).toContain('secrets are not saved');
    for (const { stdout, stderr } of [first, second, continued]) {
      expect(stdout + stderr).not.toContain(secret);
    }
    for (const name of ['manifest.jsonl', 'journal.jsonl', 'run.json', 'history.jsonl']) {
      expect(await desk.read(`out/${name}`)).not.toContain(secret);
    }
  });

  test('S8: what is printed to go on with holds no query either', async ({ openDesk }) => {
    const desk = await openDesk();
    const { inputs, origin, run } = await openInputs(desk);
    inputs.set('/spring.csv', { body: productsCsv(3) });
    const words = [
      'run',
      `${origin}/spring.csv?key=${secret}`,
      '--out',
      'out',
      ...mapping,
      ...fast,
    ];
    const capped = await run([...words, '--max-credits', '1']);
    expect(capped.code, capped.stderr).toBe(4);
    expect(capped.stdout + capped.stderr).not.toContain(secret);
    expect(capped.stdout).toContain(`${origin}/spring.csv`);
  });

  test('continue reads an address again, and a link to Google Sheets as its table', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const { inputs, asked, origin, run } = await openInputs(desk);
    const body = productsCsv(3);
    inputs.set('/spreadsheets/d/1AbC_d-EfGhIjKlMn/export', {
      status: 307,
      location: `${origin}/elsewhere`,
      body: '',
    });
    inputs.set('/elsewhere', { body });
    const link = `${origin}/spreadsheets/d/1AbC_d-EfGhIjKlMn/edit?usp=sharing#gid=77`;
    const capped = await run([
      'run',
      link,
      '--out',
      'out',
      ...mapping,
      ...fast,
      '--max-credits',
      '2',
    ]);
    expect(capped.code, capped.stderr).toBe(4);
    expect(asked[0]).toBe('/spreadsheets/d/1AbC_d-EfGhIjKlMn/export?format=csv&gid=77');
    const went = await run(['continue', 'out', '--max-credits', 'none']);
    expect(went.code, went.stderr).toBe(0);
    expect(asked).toHaveLength(4);
    const lines = await desk.lines('out');
    expect(new Set(lines.map(({ source }) => source))).toEqual(
      new Set(['google-sheet-1AbC_d-EfGhI-77']),
    );
    expect(desk.simulator.bill().total.tasks).toBe(3);
  });

  test('a sheet that nobody may see without a sign-in is told as such', async ({ openDesk }) => {
    const desk = await openDesk();
    const { inputs, origin, run } = await openInputs(desk);
    inputs.set('/spreadsheets/d/secretSheet/export', {
      status: 302,
      location: `${origin}/ServiceLogin`,
      body: '',
    });
    inputs.set('/ServiceLogin', { type: 'text/html; charset=utf-8', body: '<!doctype html><p>' });
    const link = `${origin}/spreadsheets/d/secretSheet/edit#gid=0`;
    const { code, stderr } = await run(['check', link, ...mapping]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      'Google Sheets asks for a sign-in: share it with anyone who has the link',
    );
    inputs.set('/spreadsheets/d/secretSheet/export', { status: 404, body: '' });
    const gone = await run(['check', link, ...mapping]);
    expect(gone.stderr).toMatch(/could not be fetched \(HTTP 404\): share it/);
  });

  test('the format comes from the name, else from the type, else from --format', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const { inputs, origin, run } = await openInputs(desk);
    const book = makeWorkbook([
      { name: 'First', rows: [['sku', 'title']] },
      {
        name: 'Second',
        rows: [
          ['sku', 'title'],
          ['1', 'a lamp'],
        ],
      },
    ]);
    const type = 'application/octet-stream';
    inputs.set('/a.csv.gz', { type, body: gzipSync(productsCsv(2)) });
    inputs.set('/b.xlsx', { type, body: book });
    inputs.set('/spreadsheets/d/x/export', { type, body: book });
    inputs.set('/export', { type: 'text/csv; charset=utf-8', body: productsCsv(3) });
    inputs.set('/nothing', { type, body: productsCsv(4) });
    inputs.set('/page.csv', { type: 'text/html', body: '<!DOCTYPE html><html>' });
    const rowsOf = async (...words: string[]) => {
      const { code, stdout, stderr } = await run(['check', ...words, ...mapping, '--json']);
      return code === 0 ? (JSON.parse(stdout) as { rows: number }).rows : stderr;
    };
    expect(await rowsOf(`${origin}/a.csv.gz?x=1`)).toBe(2);
    expect(await rowsOf(`${origin}/b.xlsx`, '--sheet', 'Second')).toBe(1);
    expect(await rowsOf(`${origin}/spreadsheets/d/x/edit`, '--sheet', 'Second')).toBe(1);
    expect(await rowsOf(`${origin}/export`)).toBe(3);
    expect(await rowsOf(`${origin}/nothing?key=${secret}`)).toMatch(
      /^http:\/\/[\d.:]+\/nothing: nothing says what it is; name it with --format\.$/m,
    );
    expect(await rowsOf(`${origin}/nothing`, '--format', 'csv')).toBe(4);
    expect(await rowsOf(`${origin}/page.csv`)).toContain('is a web page (HTML)');
  });

  test('an address that is refused costs nothing: exit code 2, and one sentence without its query (S8)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const { inputs, origin, run } = await openInputs(desk);
    inputs.set('/away.csv', { status: 302, location: `${desk.simulator.origin}/x.csv`, body: '' });
    const refused: [string, RegExp][] = [
      ['s3://bucket/in.csv', /inputs are not read from s3:\/\/ yet/],
      ['ftp://shop.test/in.csv', /not read from ftp:\/\//],
      ['file:///etc/passwd', /not read from file:\/\//],
      [`http://shop.test/in.csv?key=${secret}`, /an https URL/],
      [`https://user:${secret}@shop.test/in.csv`, /without a login/],
      ['https://10.0.0.1/in.csv', /private networks/],
      ['https://localhost/in.csv', /private network/],
      [`${origin}/away.csv?key=${secret}`, /leads into a private network/],
      [`${origin}/none.csv?key=${secret}`, /could not be fetched \(HTTP 404\)/],
    ];
    for (const [file, message] of refused) {
      for (const command of [
        ['run', file, '--out', 'out'],
        ['enqueue', file],
        ['check', file],
      ]) {
        const { code, stdout, stderr } = await run([...command, '--batch', 'b', ...mapping]);
        expect({ file, code }).toEqual({ file, code: 2 });
        expect(stderr).toMatch(message);
        expect(stdout + stderr).not.toContain(secret);
      }
    }
    expect(desk.simulator.bill().total.tasks).toBe(0);
  });
});
