import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { type Decision, decisionText } from '../../../src/results/decisions.js';
import {
  type Delivery,
  type DeliveryOptions,
  deliverApproved,
} from '../../../src/review/deliver/deliver-approved.js';
import type { Asset, ManifestLine } from '../../../src/shared/manifest-line.js';
import { ResultsFolder } from '../../results/results-folder.js';
import { manifestLine } from '../../shared/manifest-lines.js';

export type Brief = Partial<ManifestLine> & {
  brief_id: string;
  /** By the path below `assets/`. */
  contents?: Record<string, Buffer | string>;
};

const mediaTypes: Record<string, string> = {
  ...{ png: 'image/png', jpg: 'image/jpeg', webp: 'image/webp', gif: 'image/gif' },
  ...{ mp4: 'video/mp4', txt: 'text/plain', svg: 'image/svg+xml' },
};

/** A results folder with what a test says, and what was decided about it. */
export class DecidedFolder {
  private constructor(readonly results: ResultsFolder) {}

  static async make(briefs: readonly Brief[]): Promise<DecidedFolder> {
    const folder = new DecidedFolder(await ResultsFolder.make());
    await folder.replaceBriefs(briefs);
    return folder;
  }

  /** With one file each, named after the brief, all approved. */
  static async approved(ids: readonly string[]): Promise<DecidedFolder> {
    const folder = await DecidedFolder.make(ids.map((id) => ({ brief_id: id })));
    await folder.decide('approved', ...ids);
    return folder;
  }

  get path(): string {
    return this.results.path;
  }

  async replaceBriefs(briefs: readonly Brief[]): Promise<void> {
    const lines: ManifestLine[] = [];
    for (const [index, { contents, ...patch }] of briefs.entries()) {
      const assets: Asset[] = [];
      const all = contents ?? { [`${patch.brief_id}.png`]: `picture ${patch.brief_id}` };
      for (const [name, content] of Object.entries(all)) {
        const bytes = Buffer.from(content);
        await this.results.write(`assets/${name}`, bytes);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        const type = mediaTypes[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
        assets.push({ path: `assets/${name}`, bytes: bytes.length, sha256, media_type: type });
      }
      const place = { seq: index + 1, row: index + 2 };
      lines.push(manifestLine({ ...place, input: { sku: patch.brief_id }, ...patch, assets }));
    }
    await this.results.writeLines(lines);
  }

  async decide(decision: Decision['decision'], ...ids: string[]): Promise<void> {
    for (const line of await this.results.lines()) {
      if (!ids.includes(line.brief_id)) continue;
      const { brief_id, attempt, assets } = line;
      const sha256 = assets[0]?.sha256 ?? 'f'.repeat(64);
      const said = { brief_id, attempt, sha256, decision, note: null, prompt: null };
      const text = decisionText({ ...said, at: '2026-06-02T09:00:00.000Z' });
      await appendFile(this.results.at('decisions.jsonl'), `${text}\n`);
    }
  }

  deliver(options: Partial<DeliveryOptions> = {}): Promise<Delivery> {
    return deliverApproved(this.path, { name: null, as: 'copies', profile: null, ...options });
  }

  at(name: string): string {
    return this.results.at(`approved/${name}`);
  }

  read(name: string): Promise<Buffer> {
    return readFile(this.at(name));
  }

  /** All that is in `approved/`, hidden files too, but for the table. */
  async files(): Promise<string[]> {
    if (!existsSync(this.at(''))) return [];
    return (await readdir(this.at(''))).filter((name) => name !== 'approved.csv').sort();
  }

  async table(name = 'approved.csv'): Promise<Record<string, string>[]> {
    return parse(await this.read(name), { columns: true, bom: true });
  }
}
