import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ManifestFile } from '../../src/results/manifest.js';
import type { RunReport } from '../../src/results/run-report.js';
import type { Asset, ManifestLine } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';

/** A folder as a finished run leaves it: `a`, `b` and `c` succeeded with a file each, `d` failed uncharged. */
export class ResultsFolder {
  private constructor(readonly path: string) {}

  static async make(): Promise<ResultsFolder> {
    const folder = new ResultsFolder(await mkdtemp(join(tmpdir(), 'results-')));
    onTestFinished(() => rm(folder.path, { recursive: true, force: true }));
    await mkdir(folder.at('assets'));
    const lines: ManifestLine[] = [];
    for (const [index, id] of ['a', 'b', 'c'].entries()) {
      lines.push(
        briefLine(id, index + 1, [await folder.asset(`assets/${id}.png`, `picture ${id}`)]),
      );
    }
    const error = { code: 'nsfw', message: 'no', request_id: null };
    const credits = { reserved: 1, final: 0 };
    lines.push({ ...briefLine('d', 4, []), status: 'failed', error, credits });
    await folder.writeLines(lines);
    await folder.writeTable();
    await folder.write('run.json', JSON.stringify(finishedReport));
    return folder;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  async asset(path: string, content: string): Promise<Asset> {
    await this.write(path, content);
    return assetOf(path, content);
  }

  write(name: string, content: string | Buffer): Promise<void> {
    return writeFile(this.at(name), content);
  }

  async lines(): Promise<ManifestLine[]> {
    const text = await readFile(this.at('manifest.jsonl'), 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ManifestLine);
  }

  writeLines(lines: readonly ManifestLine[]): Promise<void> {
    return this.write('manifest.jsonl', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  /** Replaces the line of one brief. */
  async change(briefId: string, patch: Partial<ManifestLine>): Promise<void> {
    const lines = await this.lines();
    await this.writeLines(
      lines.map((line) => (line.brief_id === briefId ? { ...line, ...patch } : line)),
    );
  }

  async writeTable(): Promise<void> {
    const manifest = await ManifestFile.read(this.path);
    let text = '';
    for await (const piece of manifest.export('csv')) text += piece;
    await this.write('manifest.csv', text);
  }

  async report(
    counts: Partial<RunReport['counts']>,
    patch: Partial<RunReport> = {},
  ): Promise<void> {
    const report = { ...finishedReport, ...patch, counts: { ...finishedReport.counts, ...counts } };
    await this.write('run.json', JSON.stringify(report));
  }
}

export function assetOf(path: string, content: string): Asset {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { path, bytes: Buffer.byteLength(content), sha256, media_type: 'image/png' };
}

export function briefLine(id: string, seq: number, assets: Asset[]): ManifestLine {
  return manifestLine({ brief_id: id, seq, assets, input: { title: `=two\nlines, "${id}"` } });
}

const finishedReport: RunReport = {
  batch: 'spring',
  origin: 'https://rivya.ai',
  sources: ['spring.csv'],
  state: 'finished',
  counts: {
    rows: 4,
    briefs: 4,
    rejected: 0,
    duplicate: 0,
    admitted: 4,
    succeeded: 3,
    failed: 1,
    unknown: 0,
    cancelled: 0,
    pending: 0,
    to_come: 0,
  },
  credits: { spent: 3 },
  requests: { submits: 4, status_checks: 8, uploads: 0, downloads: 3, refused: 0 },
  times: { created: '2026-06-01T12:00:00.000Z', written: '2026-06-01T12:01:00.000Z' },
  runs: [
    { run: 1, at: '2026-06-01T12:00:00.000Z', succeeded: 3, failed: 1, unknown: 0, cancelled: 0 },
  ],
  outputs: [],
  taken_over: 0,
};
