import { createHash } from 'node:crypto';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import sharp from 'sharp';
import type { Decision } from '../../src/results/decisions.js';
import { fileNames } from '../../src/results/file-names.js';
import { ManifestFile } from '../../src/results/manifest.js';
import type { RunReport } from '../../src/results/run-report.js';
import type { JsonObject } from '../../src/shared/json.js';
import type { Asset, LineStatus, ManifestLine } from '../../src/shared/manifest-line.js';
import { drawFilm } from '../../src/simulator/media/film.js';

/** What may stand in an id, a prompt, a column, a note or an error, and must never be more than text. */
export const hostileTexts = [
  `<script>document.title='owned'</script>`,
  `</script><script>alert('owned')</script>`,
  `</ScRiPt ><img src=x onerror="document.title='owned'">`,
  `<!--<script>`,
  `"><svg onload="alert('owned')">`,
  `javascript:alert('owned')`,
  `' onmouseover='alert(1)' style='position:fixed;inset:0`,
  `{{constructor.constructor("alert('owned')")()}}`,
  '\u202egpj.erutcip\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627',
  'W'.repeat(3_000),
  '\u{1f469}\u200d\u{1f469}\u200d\u{1f467} \u{1f3f3}\ufe0f\u200d\u{1f308} e\u0301\u0323\u0323\u0323 \u2028\u2029 \ud800',
  '__proto__',
] as const;

/** Names of columns that a careless page trips over. */
const hostileColumns = ['__proto__', 'constructor', '<b onclick="alert(1)">bold</b>'] as const;

const failures: [code: string, message: string, status: LineStatus, final: number | null][] = [
  ['generation_failed', 'The model could not make this.', 'failed', 0],
  ['nsfw', 'The prompt was taken for unsafe content.', 'failed', 0],
  ['validation_failed', 'aspect_ratio: must be one of 1:1, 16:9', 'failed', 0],
  ['outcome_unknown', 'No clear answer came before its key may have expired.', 'unknown', null],
  ['cancelled', 'It was cancelled on request.', 'cancelled', 0],
];

export interface ReviewFolderOptions {
  briefs: number;
  /** Puts `hostileTexts` into the first briefs. */
  hostile?: boolean;
  /** Whether small pictures are there already, as after a run; else whoever needs them makes them. */
  thumbnails?: boolean;
  /** How many briefs have a decision: the first of those that succeeded. */
  decided?: number;
}

export interface ReviewFolder {
  path: string;
  /** Lines in input order. */
  lines: ManifestLine[];
}

/** Of each ten briefs: pictures of a row alone, three variants, three steps, a failure, and one with a reference. */
const kinds = [
  'picture',
  'made again',
  'variant 1',
  'variant 2',
  'variant 3',
  'caption',
  'still',
  'film',
  'failure',
  'with reference',
] as const;

/**
 * Writes a results folder as a finished run leaves it, in which there is one of everything that a page of it shows; every
 * file is another one. Some 3 seconds for 10,000 briefs.
 */
export async function makeReviewFolder(
  path: string,
  { briefs, hostile = false, thumbnails = true, decided = 0 }: ReviewFolderOptions,
): Promise<ReviewFolder> {
  await mkdir(join(path, fileNames.assets), { recursive: true });
  const writer = new FolderWriter(path, thumbnails, await drawPictures());
  const lines: ManifestLine[] = [];
  const history: ManifestLine[] = [];
  for (let at = 0; at < briefs; at += 1) {
    const { line, earlier } = writer.brief(at);
    const written = (one: ManifestLine) =>
      hostile && at < 2 * hostileTexts.length ? withHostileTexts(one, at) : one;
    lines.push(written(line));
    if (earlier) history.push(written(earlier));
  }
  await writer.written();
  await writeLines(join(path, fileNames.manifest), lines);
  if (history.length > 0) await writeLines(join(path, fileNames.history), history);
  await writeLines(join(path, fileNames.journal), [journalHeader]);
  await writeFile(join(path, fileNames.report), JSON.stringify(reportOf(lines, history)));
  const decisions = lines.flatMap(decisionOn).slice(0, decided);
  if (decided > 0) await writeLines(join(path, fileNames.decisions), decisions);
  const manifest = await ManifestFile.read(path);
  await writeFile(join(path, fileNames.table), manifest.export('csv'));
  return { path, lines };
}

/** JPEG files of several shapes, and the small ones of them. */
interface Drawn {
  full: Buffer;
  small: Buffer;
}

const shapes: [width: number, height: number][] = [
  [512, 512],
  [512, 768],
  [768, 432],
];
const picturesDrawn = 24;

async function drawPictures(): Promise<Drawn[]> {
  return Promise.all(
    Array.from({ length: picturesDrawn }, async (_, index) => {
      const [width, height] = shapes[index % shapes.length] ?? [512, 512];
      const raw = { width, height, channels: 3 } as const;
      const full = await sharp(drawLamp(index, raw), { raw }).jpeg({ quality: 80 }).toBuffer();
      const small = await sharp(full).resize(384, 384, { fit: 'inside' }).webp().toBuffer();
      return { full, small };
    }),
  );
}

/** A disc before a background that fades, with some grain, so that it takes as long to decode as a photo of its size. */
function drawLamp(index: number, { width, height }: { width: number; height: number }): Buffer {
  const pixels = Buffer.alloc(width * height * 3);
  const radius = 0.2 + index / (3 * picturesDrawn);
  for (let at = 0; at < width * height; at += 1) {
    const [x, y] = [(at % width) / width - 0.5, Math.floor(at / width) / height - 0.5];
    const light = Math.hypot(x, y) < radius ? 200 : 90 + 100 * y;
    const grain = (Math.imul(at, 2_654_435_761) >>> 26) - 32;
    for (let channel = 0; channel < 3; channel += 1) {
      const tint = 50 * Math.sin(index + channel * 2 + 3 * x);
      pixels[at * 3 + channel] = Math.min(255, Math.max(0, light + tint + grain / 3));
    }
  }
  return pixels;
}

/** The same picture in a file of its own: with a comment, which JPEG has room for. */
function withComment(jpeg: Buffer, comment: string): Buffer {
  const text = Buffer.from(comment);
  const head = Buffer.from([0xff, 0xfe, (text.length + 2) >> 8, (text.length + 2) & 0xff]);
  return Buffer.concat([jpeg.subarray(0, 2), head, text, jpeg.subarray(2)]);
}

const filesAtOnce = 32;
const rowsStart = Date.parse('2026-06-01T12:00:00.000Z');

class FolderWriter {
  private readonly limit = pLimit(filesAtOnce);
  private readonly writing: Promise<void>[] = [];
  private readonly folders = new Map<string, Promise<unknown>>();
  /** The last one, which the film after it begins with. */
  private still: ManifestLine | null = null;

  constructor(
    private readonly path: string,
    private readonly thumbnails: boolean,
    private readonly drawn: readonly Drawn[],
  ) {}

  async written(): Promise<void> {
    await Promise.all(this.writing);
  }

  /** The line of one brief, whose files are on their way, and its earlier one where it was made anew. */
  brief(at: number): { line: ManifestLine; earlier?: ManifestLine } {
    const kind = kinds[at % kinds.length] ?? 'picture';
    const group = Math.floor(at / kinds.length);
    const sku = (row: string) => `SKU-${String(group).padStart(5, '0')}${row}`;
    switch (kind) {
      case 'picture':
        return { line: this.picture(at, sku('a')) };
      case 'made again': {
        const earlier = this.picture(at, sku('b'));
        const assets = [this.asset(`assets/${sku('b')}-2.jpg`, at + 1, 'second')];
        const line = {
          ...earlier,
          attempt: 2,
          run: 2,
          assets,
          prompt: `${earlier.prompt}, on oak`,
        };
        return { line, earlier };
      }
      case 'variant 1':
      case 'variant 2':
      case 'variant 3':
        return { line: this.picture(at, `${sku('c')}/${kind.slice(-1)}`) };
      case 'caption':
        return { line: this.caption(at, sku('d')) };
      case 'still': {
        const caption = this.lineOf(at - 1, `${sku('d')}/caption`);
        this.still = after(this.picture(at, `${sku('d')}/still`), 'still', caption);
        return { line: this.still };
      }
      case 'film': {
        if (this.still === null) throw new Error('a film comes after a still');
        return { line: this.film(at, sku('d'), this.still) };
      }
      case 'failure':
        return { line: this.failure(at, sku('e')) };
      case 'with reference': {
        const reference = this.asset(`refs/${sku('f')}.jpg`, at + 3, 'reference');
        const params = {
          referenceMediaItems: [{ url: `sha256:${reference.sha256}`, kind: 'image' }],
        };
        const references = [`refs/${sku('f')}.jpg`];
        return { line: { ...this.picture(at, sku('f')), params, references } };
      }
      default:
        return kind satisfies never;
    }
  }

  private picture(at: number, id: string): ManifestLine {
    const name = id.replaceAll('/', '-');
    return { ...this.lineOf(at, id), assets: [this.asset(`assets/${name}.jpg`, at, id)] };
  }

  private caption(at: number, sku: string): ManifestLine {
    const text = `A lamp of brushed steel, number ${at}, that looks well beside a bed.`;
    const path = `assets/${sku}-caption.txt`;
    const assets = [this.file(path, Buffer.from(text), 'text/plain')];
    const model = 'gpt-5-2-chat';
    return { ...this.lineOf(at, `${sku}/caption`), output: 'caption', model, text, assets };
  }

  private film(at: number, sku: string, still: ManifestLine): ManifestLine {
    // A box that players pass over makes each another file.
    const free = Buffer.from(`\0\0\0\0free${sku}`);
    free.writeUInt32BE(free.length);
    const content = Buffer.concat([drawFilm(), free]);
    const assets = [this.file(`assets/${sku}-film.mp4`, content, 'video/mp4')];
    const [picture] = still.assets;
    const params = { referenceMediaItems: [{ url: `sha256:${picture?.sha256}`, kind: 'image' }] };
    const line = { ...this.lineOf(at, `${sku}/film`), model: 'kling-2-6', params, assets };
    return after({ ...line, credits: { reserved: 12, final: 12 } }, 'film', still);
  }

  private failure(at: number, sku: string): ManifestLine {
    const which = Math.floor(at / kinds.length) % failures.length;
    const [code, message, status, final] = failures[which] ?? failures[0] ?? [];
    if (code === undefined || message === undefined || status === undefined) throw new Error(code);
    const error = { code, message, request_id: `req_${at}` };
    const credits = { reserved: 1, final: final ?? null };
    return { ...this.lineOf(at, sku), status, error, credits };
  }

  private lineOf(at: number, id: string): ManifestLine {
    const time = (seconds: number) => new Date(rowsStart + (at + seconds) * 1_000).toISOString();
    return {
      brief_id: id,
      batch: 'catalog',
      seq: at + 1,
      source: 'catalog.csv',
      row: Math.floor(at / 2) + 2,
      status: 'succeeded',
      model: at % 3 === 0 ? 'nano-banana-2' : 'z-image',
      prompt: `Studio photo of lamp ${at} in ${at % 2 === 0 ? 'amber' : 'slate'}, soft light`,
      params: { aspect_ratio: '1:1' },
      references: [],
      metadata: null,
      task_id: `task_${at}`,
      attempt: 1,
      credits: { reserved: 1, final: 1 },
      urls: [],
      assets: [],
      error: null,
      requests: { submits: 1, status_checks: 2 },
      times: { admitted: time(0), submitted: time(1), completed: time(9), collected: time(10) },
      input: { sku: id, title: `Lamp ${at}`, colour: at % 2 === 0 ? 'amber' : 'slate', price: at },
      run: 1,
      from: null,
    };
  }

  private asset(path: string, which: number, comment: string): Asset {
    const { full, small } = this.drawn[which % this.drawn.length] ?? { full: empty, small: empty };
    const asset = this.file(path, withComment(full, comment), 'image/jpeg');
    if (this.thumbnails) this.put(smallPath(asset.sha256), small);
    return asset;
  }

  private file(path: string, content: Buffer, mediaType: string): Asset {
    const sha256 = createHash('sha256').update(content).digest('hex');
    this.put(path, content);
    return { path, bytes: content.length, sha256, media_type: mediaType };
  }

  private put(path: string, content: Buffer): void {
    const place = join(this.path, path);
    this.writing.push(
      this.limit(async () => {
        const folder = dirname(place);
        const made = this.folders.get(folder) ?? mkdir(folder, { recursive: true });
        this.folders.set(folder, made);
        await made;
        await writeFile(place, content);
      }),
    );
  }
}

const empty = Buffer.alloc(0);

function smallPath(sha256: string): string {
  return `.thumbnails/${sha256.slice(0, 2)}/${sha256}.webp`;
}

function after(line: ManifestLine, output: string, before: ManifestLine): ManifestLine {
  const { brief_id: id, output: name = 'caption' } = before;
  return { ...line, output, after: [{ output: name, id, fingerprint: 'ab' }] };
}

/** Each text once in every place: ids stay unlike, whatever stands in them. */
function withHostileTexts(line: ManifestLine, at: number): ManifestLine {
  const text = hostileTexts[at % hostileTexts.length] ?? '';
  const input: JsonObject = { ...line.input, title: text };
  for (const name of hostileColumns) {
    // Assigned, `__proto__` would be lost.
    Object.defineProperty(input, name, { value: text, enumerable: true });
  }
  return {
    ...line,
    // Steps are found by the id that the others name.
    brief_id: line.after || line.output ? line.brief_id : `${line.brief_id} ${text}`,
    source: text,
    model: at % 4 === 3 ? text : line.model,
    prompt: text,
    params: { ...line.params, [text]: text },
    references: line.references.map(() => text),
    input,
    ...(line.text && { text }),
    ...(line.error && { error: { code: text, message: text, request_id: text } }),
  };
}

function decisionOn({ brief_id: id, attempt, assets, seq }: ManifestLine): Decision[] {
  const [asset] = assets;
  if (asset === undefined) return [];
  const decision = (['approved', 'rejected', 'again'] as const)[seq % 3] ?? 'approved';
  const note = decision === 'rejected' ? 'The shade is crooked' : null;
  const prompt = decision === 'again' ? 'The same lamp, from the left' : null;
  const at = new Date(rowsStart + 86_400_000 + seq).toISOString();
  return [{ brief_id: id, attempt, sha256: asset.sha256, decision, note, prompt, at }];
}

const journalHeader = {
  batch: 'catalog',
  origin: 'https://rivya.ai',
  account: 'account-1',
  nonce: '',
  createdAt: rowsStart,
  requestIds: 'given',
};

function reportOf(lines: readonly ManifestLine[], history: readonly ManifestLine[]): RunReport {
  const ended = (status: LineStatus, run?: number) =>
    lines.filter((line) => line.status === status && (run === undefined || line.run === run))
      .length;
  const counts = (run?: number) => ({
    succeeded: ended('succeeded', run),
    failed: ended('failed', run),
    unknown: ended('unknown', run),
    cancelled: ended('cancelled', run),
  });
  const spent = [...lines, ...history].reduce((sum, { credits }) => sum + (credits.final ?? 0), 0);
  const created = new Date(rowsStart).toISOString();
  return {
    batch: 'catalog',
    origin: 'https://rivya.ai',
    sources: ['catalog.csv'],
    state: 'finished',
    counts: {
      rows: lines.length,
      briefs: lines.length,
      rejected: 0,
      duplicate: 0,
      admitted: lines.length,
      ...counts(),
      pending: 0,
      to_come: 0,
    },
    credits: { spent },
    requests: {
      submits: lines.length + history.length,
      status_checks: 2 * lines.length,
      uploads: 0,
      downloads: lines.length,
      refused: 0,
    },
    times: { created, written: created },
    runs: [1, 2].map((run) => ({ run, at: created, ...counts(run) })),
    outputs: [],
    taken_over: 0,
  };
}

/** In pieces: of 100,000 lines there is more than a string can hold comfortably. */
async function writeLines(path: string, lines: readonly unknown[]): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let from = 0; from < lines.length; from += 1_000) {
      const piece = lines.slice(from, from + 1_000);
      await file.appendFile(piece.map((line) => `${JSON.stringify(line)}\n`).join(''));
    }
  } finally {
    await file.close();
  }
}
