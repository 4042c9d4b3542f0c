import { realpath } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import pLimit from 'p-limit';
import { z } from 'zod';
import { hasThumbnail, makeThumbnail } from '../../pictures/thumbnails.js';
import {
  appendDecisions,
  type Decision,
  decidedHash,
  decisionSchema,
  readDecisions,
  type Saying,
  sayings,
} from '../../results/decisions.js';
import { readableLines } from '../../results/manifest.js';
import { localAsset } from '../../results/mirror.js';
import type { LeftOutBecause } from '../../results/take-decisions.js';
import type { Clock } from '../../shared/clock.js';
import { firstFault } from '../../shared/json.js';
import type { Asset } from '../../shared/manifest-line.js';
import { together } from '../../shared/together.js';
import {
  type BriefQuery,
  briefMatcher,
  compareKeys,
  type SortKey,
  sortKey,
} from '../find-briefs.js';
import { ReviewFolder } from '../read-review-briefs.js';
import { briefsPerPage, type ReviewBrief, type ReviewData } from '../review-brief.js';
import { FolderFeed } from './folder-feed.js';
import { FolderLines } from './folder-lines.js';
import { TableKeeper } from './table-keeper.js';

export interface DeskOptions {
  /** The folder, as it can be typed in a command; by default as a whole path. */
  typedAs?: string;
  clock: Clock;
  /** Is told in a sentence what could not be done while nobody waited for it. */
  warn(sentence: string): void;
}

/** A decision as a page sends it. */
const postedSchema = decisionSchema.omit({ at: true });
/** Of a list, which fails as a whole where it is none. */
export const postedListSchema = z.object({ decisions: z.array(z.unknown()).max(100_000) });

interface LeftOutDecision {
  /** Null where it cannot be read. */
  brief_id: string | null;
  because: LeftOutBecause;
  reason: string;
}

export interface PostedResult {
  taken: Decision[];
  left_out: LeftOutDecision[];
}

/** How far people are with a folder: briefs that have a file can be decided on. */
export interface ReviewProgress {
  briefs: number;
  undecided: number;
}

/** A results folder that is looked at and decided on, by any number of people at once. */
export class ReviewDesk {
  readonly lines: FolderLines;
  readonly feed: FolderFeed;
  /** What was taken here since it was opened. */
  readonly taken = Object.fromEntries(sayings.map((saying) => [saying, 0])) as Record<
    Saying,
    number
  >;
  private readonly table: TableKeeper;
  /** Hashes of pictures that cannot be made small: nobody tries again at each look. */
  private readonly unshown = new Set<string>();
  private folder: ReviewFolder | undefined;
  private readonly look = together(async () => {
    this.folder = await ReviewFolder.read(this.out, this.folder);
    return this.folder;
  });
  /** One after the other: each reads the whole of a large batch. */
  private readonly finding = pLimit(1);

  constructor(
    readonly out: string,
    private readonly options: DeskOptions,
  ) {
    this.lines = new FolderLines(out);
    this.feed = new FolderFeed(out, this.lines);
    this.table = new TableKeeper(out, options.warn);
  }

  /**
   * What a page is given, as JSON in pieces; in memory is one page of briefs at most, and of a query's finds where they
   * stand.
   * @param page from 1; one that is not there is the last
   * @param signal ends it when nobody waits for it any more
   */
  async *data(
    { query, page, canDecide }: { query: BriefQuery; page: number; canDecide: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    // Before they are read: whoever listens from here misses none.
    const mark = await this.feed.mark();
    const folder = await this.look();
    const found = isAny(query)
      ? null
      : await this.finding(() => findPositions(folder, query, signal));
    const matching = found?.length ?? folder.size;
    const pages = Math.max(1, Math.ceil(matching / briefsPerPage));
    const shown = Math.min(page, pages);
    const begin = (shown - 1) * briefsPerPage;
    const { name, batch, simulated, size: total, columns, unreadable } = folder;
    const head: Omit<ReviewData, 'briefs'> = {
      ...{ batch: batch ?? name, simulated, canDecide },
      folder: this.options.typedAs ?? this.out,
      ...{ total, matching, page: shown, pages, columns: [...columns], unreadable, mark },
    };
    yield `${JSON.stringify(head).slice(0, -1)},"briefs":[`;
    let between = '';
    for await (const brief of briefsAt(folder, found, begin)) {
      if (signal.aborted) return;
      yield between + JSON.stringify(brief);
      between = ',\n';
    }
    yield ']}';
  }

  /**
   * Takes decisions as `--take` does those of a file: of each that is about another brief, attempt or file than the folder
   * has, it is said why it is left out. The others are on disk when this returns.
   */
  async decide(posted: readonly unknown[]): Promise<PostedResult> {
    const result: PostedResult = { taken: [], left_out: [] };
    const { out, lines } = this;
    const at = new Date(this.options.clock.now()).toISOString();
    await appendDecisions(out, async function* () {
      await lines.refresh();
      for (const one of posted) {
        const decision = judgePosted(one, lines, at);
        if ('because' in decision) result.left_out.push(decision);
        else {
          result.taken.push(decision);
          yield decision;
        }
      }
    });
    for (const { decision } of result.taken) this.taken[decision] += 1;
    if (result.taken.length > 0) {
      this.feed.wake();
      this.table.refreshSoon();
    }
    return result;
  }

  /** For people. */
  get name(): string {
    return basename(this.out);
  }

  /** The file of this path, relative to the folder, where a line names it and it is in the folder; else null. */
  async fileAt(path: string): Promise<Asset | null> {
    const asset = await this.findAsset(() => this.lines.assetAt(path));
    return asset !== null && (await isInside(this.out, asset.path)) ? asset : null;
  }

  /** Makes the small picture of a file with this hash where it is missing. @returns whether it is there now */
  async provideThumbnail(sha256: string): Promise<boolean> {
    if (await hasThumbnail(this.out, sha256)) return true;
    if (this.unshown.has(sha256)) return false;
    const asset = await this.findAsset(() => this.lines.assetOf(sha256));
    const isPicture = asset?.media_type.startsWith('image/') === true;
    if (!isPicture || !(await isInside(this.out, asset.path))) return false;
    const made = await makeThumbnail(this.out, { path: join(this.out, asset.path), sha256 });
    if (made === 'impossible' && this.unshown.size < mostUnshown) this.unshown.add(sha256);
    return made !== 'impossible';
  }

  private async findAsset(find: () => Promise<Asset | null>): Promise<Asset | null> {
    const known = await find();
    if (known !== null) return known;
    // Its line may have come since.
    await this.lines.refresh();
    return find();
  }

  async progress(): Promise<ReviewProgress> {
    const decisions = await readDecisions(this.out);
    let briefs = 0;
    let undecided = 0;
    for await (const line of readableLines(this.out, () => undefined)) {
      briefs += 1;
      if (decidedHash(line) !== null && decisions.of(line) === null) undecided += 1;
    }
    return { briefs, undecided };
  }

  /** Writes what is due. */
  close(): Promise<void> {
    return this.table.close();
  }
}

const mostUnshown = 10_000;

/** Whether a path that a line names leads to a file in the folder itself, by no way around. */
async function isInside(out: string, path: string): Promise<boolean> {
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) return false;
  const real = await Promise.all([
    realpath(out),
    localAsset(out, path).then((local) => realpath(local)),
  ]).catch(() => null);
  if (real === null) return false;
  const [folder, file] = real;
  return file.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

function isAny({ text, facets, sort }: BriefQuery): boolean {
  return (
    text.trim() === '' && sort === 'input' && [...facets.values()].every(({ size }) => size === 0)
  );
}

/** In the query's order. */
async function findPositions(
  folder: ReviewFolder,
  query: BriefQuery,
  signal: AbortSignal,
): Promise<number[]> {
  const isFound = briefMatcher(query);
  const keyOf = sortKey(query.sort);
  const positions: number[] = [];
  const keys: SortKey[] = [];
  let position = 0;
  for await (const brief of folder.briefs()) {
    if (signal.aborted) return [];
    if (isFound(brief)) {
      positions.push(position);
      if (keyOf !== null) keys.push(keyOf(brief));
    }
    position += 1;
  }
  if (keyOf === null) return positions;
  const order = positions.map((_, index) => index);
  order.sort((a, b) => compareKeys(keys[a] ?? 0, keys[b] ?? 0) || a - b);
  return order.map((index) => positions[index] ?? 0);
}

/** A page of them, from its beginning; null: all there are, in input order. */
async function* briefsAt(
  folder: ReviewFolder,
  found: readonly number[] | null,
  begin: number,
): AsyncGenerator<ReviewBrief> {
  const end = begin + briefsPerPage;
  if (found === null) {
    yield* folder.briefs((position) => position >= begin && position < end);
    return;
  }
  const wanted = found.slice(begin, end);
  const rank = new Map(wanted.map((position, index) => [position, index]));
  const briefs: ReviewBrief[] = new Array(wanted.length);
  const inInputOrder = wanted.toSorted((a, b) => a - b);
  let index = 0;
  for await (const brief of folder.briefs((position) => rank.has(position))) {
    const position = inInputOrder[index] ?? 0;
    briefs[rank.get(position) ?? 0] = brief;
    index += 1;
  }
  yield* briefs;
}

function judgePosted(posted: unknown, lines: FolderLines, at: string): Decision | LeftOutDecision {
  const parsed = postedSchema.safeParse(posted);
  if (!parsed.success) {
    return { brief_id: null, because: 'unreadable', reason: firstFault(parsed.error) };
  }
  const decision = { ...parsed.data, at };
  const fault = lines.decided.faultOf(decision);
  return fault === null ? decision : { brief_id: decision.brief_id, ...fault };
}
