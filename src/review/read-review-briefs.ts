import { basename } from 'node:path';
import { decisionsPath } from '../results/decisions.js';
import { remedyFor } from '../results/failures.js';
import { readJournalHeader } from '../results/journal.js';
import { LatestDecisions } from '../results/latest-decisions.js';
import { HistoryLines, historyPath, ManifestFile, manifestPath } from '../results/manifest.js';
import { fileMark } from '../shared/file-mark.js';
import type { JsonValue } from '../shared/json.js';
import type { Asset, ManifestLine } from '../shared/manifest-line.js';
import { itemAddresses } from '../shared/reference-items.js';
import { isSimulated } from '../shared/simulated.js';
import type {
  EarlierAttempt,
  ReviewBrief,
  ReviewDecision,
  ReviewFile,
  ReviewReference,
} from './review-brief.js';

/**
 * What a folder has to be looked at: its lines, with what people said of them and what they have replaced. In memory is
 * only where all of that stands: some 12 bytes for a line, 35 for a decision and for a line of the history.
 */
export class ReviewFolder {
  private constructor(
    readonly out: string,
    /** Null for a folder without a line. */
    readonly batch: string | null,
    readonly simulated: boolean,
    private readonly parts: {
      manifest: ReadPart<ReadableManifest>;
      history: ReadPart<HistoryLines>;
      decisions: ReadPart<LatestDecisions>;
    },
  ) {}

  /** @param earlier what was read of the same folder before: of it is taken what has not changed since */
  static async read(out: string, earlier?: ReviewFolder): Promise<ReviewFolder> {
    const header = await readJournalHeader(out);
    const known = earlier?.parts;
    const manifest = await readPart(manifestPath(out), () => readManifest(out), known?.manifest);
    const history = await readPart(historyPath(out), () => HistoryLines.read(out), known?.history);
    const decisions = await readPart(
      decisionsPath(out),
      () => LatestDecisions.read(out),
      known?.decisions,
    );
    const batch = header?.batch ?? (await firstBatch(manifest.read.lines));
    const simulated = header !== null && isSimulated(header);
    return new ReviewFolder(out, batch, simulated, { manifest, history, decisions });
  }

  private get manifest(): ManifestFile {
    return this.parts.manifest.read.lines;
  }

  /** Lines of the manifest that can be read. */
  get size(): number {
    return this.manifest.size;
  }

  /** Lines of it that cannot, and are left out. */
  get unreadable(): number {
    return this.parts.manifest.read.unreadable;
  }

  get name(): string {
    return basename(this.out);
  }

  /** The input's, in its order. */
  get columns(): readonly string[] {
    return this.manifest.inputColumns;
  }

  /**
   * In input order.
   * @param isWanted says of which positions briefs are wanted, from 0
   */
  async *briefs(isWanted?: (position: number) => boolean): AsyncGenerator<ReviewBrief> {
    const history = await this.parts.history.read.open();
    const decisions = await this.parts.decisions.read.open();
    try {
      for await (const line of this.manifest.lines(isWanted)) {
        const earlier: EarlierAttempt[] = [];
        for await (const old of history.linesOf(line.brief_id)) {
          // A task that was looked at again is the same attempt.
          if (old.task_id === line.task_id && old.attempt === line.attempt) continue;
          earlier.unshift(earlierAttempt(old, await decisions.on(old)));
        }
        yield { ...reviewBrief(line), decision: await decisions.on(line), earlier };
      }
    } finally {
      await history.close();
      await decisions.close();
    }
  }
}

/** Every brief of a folder that has ended, in input order and bounded memory. */
export async function* readReviewBriefs(out: string): AsyncGenerator<ReviewBrief> {
  yield* (await ReviewFolder.read(out)).briefs();
}

/** What was read of a file, and the file's mark before that. */
interface ReadPart<Read> {
  mark: string;
  read: Read;
}

async function readPart<Read>(
  path: string,
  read: () => Promise<Read>,
  earlier: ReadPart<Read> | undefined,
): Promise<ReadPart<Read>> {
  const mark = await fileMark(path);
  return earlier?.mark === mark ? earlier : { mark, read: await read() };
}

interface ReadableManifest {
  lines: ManifestFile;
  unreadable: number;
}

async function readManifest(out: string): Promise<ReadableManifest> {
  let unreadable = 0;
  const lines = await ManifestFile.read(out, () => {
    unreadable += 1;
  });
  return { lines, unreadable };
}

async function firstBatch(manifest: ManifestFile): Promise<string | null> {
  for await (const { batch } of manifest.lines((position) => position === 0)) return batch;
  return null;
}

function reviewBrief(line: ManifestLine): Omit<ReviewBrief, 'decision' | 'earlier'> {
  const { error, credits } = line;
  return {
    id: line.brief_id,
    seq: line.seq,
    row: line.row,
    source: line.source,
    status: line.status,
    model: line.model,
    output: line.output ?? null,
    run: line.run,
    attempt: line.attempt,
    prompt: line.prompt,
    params: shownParams(line),
    columns: line.input,
    name: line.name ?? null,
    credits: credits.final,
    reserved: credits.reserved,
    times: line.times,
    error: error && { code: error.code, message: error.message, remedy: remedyFor(error.code) },
    text: line.text ?? null,
    files: line.assets.map(reviewFile),
    references: references(line),
    after: (line.after ?? []).map(({ id }) => id),
  };
}

/** What is referred to is shown as pictures, and not once more as their hashes. */
function shownParams({ params }: ManifestLine): ReviewBrief['params'] {
  const { referenceMediaItems: _items, attachments: _attachments, ...others } = params;
  return others;
}

function reviewFile({ path, media_type: mediaType, bytes, sha256, ...size }: Asset): ReviewFile {
  const { width, height } = size;
  const seen = width === undefined || height === undefined ? {} : { width, height };
  return { path, mediaType, bytes, sha256, ...seen, hasThumbnail: mediaType.startsWith('image/') };
}

function earlierAttempt(line: ManifestLine, decision: ReviewDecision | null): EarlierAttempt {
  return {
    attempt: line.attempt,
    status: line.status,
    prompt: line.prompt,
    credits: line.credits.final,
    files: line.assets.map(reviewFile),
    text: line.text ?? null,
    decision,
  };
}

function references(line: ManifestLine): ReviewReference[] {
  const { params, draft, references: given, after = [] } = line;
  const addresses = itemAddresses(params.referenceMediaItems ?? params.attachments);
  if (draft === undefined) {
    const labels = given.length > 0 ? given : addresses.map((address) => nameOf(address));
    return labels.map((label, index) => rowReference(label, addresses[index]));
  }
  let position = 0;
  return draft.references.map((reference, index) => {
    if ('url' in reference) {
      const label = given[position] ?? reference.url;
      position += 1;
      return rowReference(label, addresses[index] ?? reference.url);
    }
    const { output } = reference;
    const briefId = after.find((before) => before.output === output)?.id ?? null;
    return { label: output, thumbnail: null, briefId };
  });
}

/** Of a file that nobody has named, no hash is shown. */
function nameOf(address: string): string {
  return placeholder.test(address) ? 'file' : address;
}

const placeholder = /^sha256:([0-9a-f]{64})$/;

function rowReference(label: string, address: JsonValue | undefined): ReviewReference {
  const sha256 = typeof address === 'string' ? (placeholder.exec(address)?.[1] ?? null) : null;
  return { label: baseName(label), thumbnail: sha256, briefId: null };
}

/** Of a path of any system, or an address without what follows its path. */
function baseName(label: string): string {
  const [path = ''] = /^https?:/i.test(label) ? label.split(/[?#]/) : [label];
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? label;
}
