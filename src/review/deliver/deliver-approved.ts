import { readFile, realpath } from 'node:fs/promises';
import { extname, join } from 'node:path';
import pLimit from 'p-limit';
import {
  canMakePictures,
  isStillPicture,
  type Measure,
  makeToMeasure,
} from '../../pictures/make-to-measure.js';
import { type Decisions, readDecisions } from '../../results/decisions.js';
import { type DeliveredFile, DeliveryRecord } from '../../results/delivery-record.js';
import { fileNames } from '../../results/file-names.js';
import { ManifestFile } from '../../results/manifest.js';
import { exchange, localAsset, mirrorAt } from '../../results/mirror.js';
import { checkAsset } from '../../results/verify/check-assets.js';
import { comparablePath } from '../../results/verify/check-manifest.js';
import { BatchError } from '../../shared/errors.js';
import { withFileLock } from '../../shared/file-lock.js';
import type { Asset, ManifestLine } from '../../shared/manifest-line.js';
import { bytesOf, inChunks } from '../../shared/read-lines.js';
import { TextIndex } from '../../shared/text-index.js';
import { ApprovedFolder, type ReadyFile } from './approved-folder.js';
import { type DeliveredBrief, tableText } from './approved-table.js';
import { type FileName, GivenNames, NameChooser } from './choose-names.js';
import { measureOf, measureText, type Profile } from './profile.js';

/** How files are handed over that are not made to measure. */
export type DeliveryKind = 'copies' | 'links';

export interface DeliveryOptions {
  /** Template of the names; null: what `--name` made of the row when it was run, else the brief's id. */
  name: string | null;
  as: DeliveryKind;
  /** What pictures are made into; null leaves them as they are. */
  profile: Profile | null;
  /** Told now and then of how many files it was found out what is to be done. */
  onProgress?(files: number, written: number): void;
}

/** What is told of some files: how many they are, and the first of them. */
export interface Told {
  count: number;
  first: { brief_id: string | null; file: string; reason: string }[];
}

/** What `review --apply --json` prints of what was handed over. */
export interface Delivery {
  folder: string;
  /** Name of the table in it; null where nothing was ever handed over. */
  table: string | null;
  /** Those that were approved and have a file there. */
  briefs: number;
  /** Of these briefs, all that stand there: `written` now, or there as they are. */
  files: number;
  written: number;
  removed: number;
  /** Pictures with fewer pixels than was asked for. */
  smaller: number;
  /** Links were wanted, and the file system gave none. */
  copied_for_links: boolean;
  /** Files that somebody has changed since they were handed over: they stay as they are. */
  changed: Told;
  /** Names that a file of somebody else's has: ours got another. */
  evaded: Told;
  /** Briefs for which `--name` said nothing. */
  unnamed: Told;
  /** What was approved and could not be handed over. */
  not_delivered: Told;
}

const firstTold = 5;
const briefsAtOnce = 128;
/** Enough to keep a disk busy; pictures are decoded when there is room for them. */
const filesAtOnce = 8;
/** Nobody waits longer for another command. */
const patienceMs = 60_000;

/**
 * Hands over what was approved: `approved/` holds all files of the approved briefs and `approved.csv`, and nothing else of
 * ours. Files that are there as they should be are left, and whatever somebody else has put there or changed. Killed or
 * out of space, it completes when it is called again. Memory: some 150 bytes for each line of the manifest.
 * @throws BatchError `output_unusable` where the folder cannot be written, `bad_input` for a template that cannot be used
 */
export async function deliverApproved(out: string, options: DeliveryOptions): Promise<Delivery> {
  const path = join(out, '.delivered.lock');
  const impossible = (cause: unknown) =>
    new BatchError(
      'output_unusable',
      `No folder for approved files can be made in ${out}: check that it can be written.`,
      { cause },
    );
  const heldTooLong = () =>
    new BatchError(
      'output_unusable',
      `Another command is handing over what was approved (${path}): give this one again when it has ended.`,
    );
  const delivery = await withFileLock({ path, patienceMs, impossible, heldTooLong }, () =>
    deliver(out, options),
  );
  if (delivery.table === null) return delivery;
  await (await mirrorAt(out))?.publishFolder(fileNames.approved);
  await exchange(out);
  return delivery;
}

async function deliver(out: string, options: DeliveryOptions): Promise<Delivery> {
  const manifest = await ManifestFile.read(out);
  const names = NameChooser.of(options.name, manifest.inputColumns);
  const decisions = await readDecisions(out);
  if (options.profile !== null && !(await canMakePictures())) {
    throw new BatchError(
      'output_unusable',
      'Pictures cannot be decoded on this machine, so none can be made to measure: install rivya-batch again on it (npm install), or leave out --deliver.',
    );
  }
  const path = join(out, fileNames.approved);
  const nothing = emptyDelivery(path);
  const isBegun = (await bytesOf(join(out, fileNames.delivered))) > 0;
  if (!isBegun && !(await hasApproved(manifest, decisions))) return nothing;
  const approved = () => approvedLines(manifest, decisions);
  return withoutTrouble(path, async () => {
    const record = await DeliveryRecord.open(out);
    try {
      const folder = await ApprovedFolder.open(path);
      try {
        const root = await realpath(out);
        const handover = new Handover({
          ...{ root, folder, record, names, options },
          delivery: nothing,
        });
        return await handover.complete(approved(), manifest.inputColumns);
      } finally {
        await folder.close();
      }
    } finally {
      await record.close();
    }
  });
}

function emptyDelivery(folder: string): Delivery {
  const told = (): Told => ({ count: 0, first: [] });
  return {
    folder,
    table: null,
    briefs: 0,
    files: 0,
    written: 0,
    removed: 0,
    smaller: 0,
    copied_for_links: false,
    changed: told(),
    evaded: told(),
    unnamed: told(),
    not_delivered: told(),
  };
}

async function* approvedLines(
  manifest: ManifestFile,
  decisions: Decisions,
): AsyncGenerator<ManifestLine> {
  for await (const line of manifest.lines()) {
    if (decisions.of(line) === 'approved') yield line;
  }
}

async function hasApproved(manifest: ManifestFile, decisions: Decisions): Promise<boolean> {
  for await (const _ of approvedLines(manifest, decisions)) return true;
  return false;
}

/** What the file system refuses is said in a sentence. */
async function withoutTrouble<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof BatchError || typeof code !== 'string') throw error;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    const message = isFull
      ? `There is no room left for ${path} (${code}): make room, and give the same command again. It continues with the files that are missing.`
      : `${path} cannot be written (${code}). The files that are there are complete; the same command continues with those that are missing.`;
    throw new BatchError('output_unusable', message, { cause: error });
  }
}

/** What becomes of one file. */
interface PlannedFile {
  asset: Asset;
  briefId: string;
  name: string;
  how: string;
  /** Null of what is handed over as it is. */
  measure: Measure | null;
  act:
    | { kind: 'leave' }
    /** It is as it should be, and the record has to say so. */
    | { kind: 'note'; file: DeliveredFile }
    | { kind: 'write'; place: 'free' }
    | { kind: 'write'; place: 'ours'; before: string };
}

type MadeContent =
  | { kind: 'made'; content: ReadyFile; smaller: boolean }
  | { kind: 'impossible'; reason: string };

interface PlannedBrief {
  line: ManifestLine;
  files: PlannedFile[];
}

interface HandoverParts {
  /** The results' folder, with every link in its own path resolved. */
  root: string;
  folder: ApprovedFolder;
  record: DeliveryRecord;
  names: NameChooser;
  options: DeliveryOptions;
  delivery: Delivery;
}

const nameOf = { nobody: 0, ours: 1, somebodyElse: 2 } as const;

const tableName: FileName = { stem: 'approved', extension: 'csv' };

/** One handing over, from the first brief to the last. */
class Handover {
  readonly #given = new GivenNames();
  /** Whose each name is after this handing over. */
  readonly #names = new TextIndex(1);
  readonly #limit = pLimit(filesAtOnce);

  constructor(private readonly parts: HandoverParts) {}

  async complete(
    lines: AsyncIterable<ManifestLine>,
    inputColumns: readonly string[],
  ): Promise<Delivery> {
    const { folder, record, delivery } = this.parts;
    // First of all names: a brief's file may want to be called so.
    const wanted = this.#given.next(tableName, null);
    const table = await folder.writeText(tableText(inputColumns, this.#briefs(lines)));
    delivery.table = await this.#placeTable(table, wanted);
    await this.#removeOthers();
    await folder.sync();
    await record.keepOnly((name) => this.#stands(name));
    return delivery;
  }

  /** Every brief once its files are in place. */
  async *#briefs(lines: AsyncIterable<ManifestLine>): AsyncGenerator<DeliveredBrief> {
    const { delivery, options } = this.parts;
    for await (const some of inChunks(lines, briefsAtOnce)) {
      const briefs: PlannedBrief[] = [];
      for (const line of some) briefs.push(await this.#plan(line));
      await this.#write(briefs.flatMap(({ files }) => files));
      for (const { line, files } of briefs) {
        const there = files.filter(({ name }) => this.#stands(name)).map(({ name }) => name);
        if (there.length === 0) continue;
        delivery.briefs += 1;
        delivery.files += there.length;
        yield { line, input: line.input, files: there };
      }
      options.onProgress?.(delivery.files, delivery.written);
    }
  }

  async #plan(line: ManifestLine): Promise<PlannedBrief> {
    const { names, delivery } = this.parts;
    const { stems, fault } = names.namesOf(line);
    const together = stems.length > 1 && new Set(stems.map(comparablePath)).size === 1;
    const files: PlannedFile[] = [];
    for (const [index, asset] of line.assets.entries()) {
      const { measure, how, extension } = await this.#makingOf(asset);
      const wanted = { stem: stems[index] ?? '', extension };
      const file = { asset, briefId: line.brief_id, how, measure };
      files.push(await this.#place(file, wanted, together ? index + 1 : null));
    }
    if (fault !== null) {
      const [first] = files;
      tell(delivery.unnamed, line.brief_id, first?.name ?? '', fault);
    }
    return { line, files };
  }

  async #makingOf(asset: Asset) {
    const { root, options } = this.parts;
    const own = extname(asset.path).slice(1) || 'bin';
    const asItIs = { measure: null, how: options.as, extension: own };
    const { path, media_type: type } = asset;
    if (options.profile === null) return asItIs;
    const local = await localAsset(root, path).catch(() => join(root, path));
    if (!(await isStillPicture(local, type))) return asItIs;
    const measure = measureOf(options.profile, type);
    const extension = measure.format === 'jpeg' ? 'jpg' : measure.format;
    return { measure, how: measureText(measure), extension };
  }

  /** Finds its name: the first that nobody else's file has. */
  async #place(
    file: Omit<PlannedFile, 'name' | 'act'>,
    wanted: FileName,
    position: number | null,
  ): Promise<PlannedFile> {
    const { delivery } = this.parts;
    let evaded: string | null = null;
    for (;;) {
      const name = this.#given.next(wanted, position);
      const act = await this.#actOn(name, file);
      if (act === null) {
        evaded ??= name;
        this.#mark(name, nameOf.somebodyElse);
        continue;
      }
      if (evaded !== null) {
        tell(delivery.evaded, file.briefId, name, isTaken(evaded));
      }
      this.#mark(name, nameOf.ours);
      return { ...file, name, act };
    }
  }

  /** Null where the name is somebody else's. */
  async #actOn(
    name: string,
    file: Omit<PlannedFile, 'name' | 'act'>,
  ): Promise<PlannedFile['act'] | null> {
    const { folder, delivery } = this.parts;
    const { asset, how, briefId } = file;
    const noted = await this.#notedOf(name);
    const isOfIt = noted?.from === asset.sha256;
    const found = await folder.lookAt(name, noted);
    switch (found.kind) {
      case 'free':
        return { kind: 'write', place: 'free' };
      case 'replaced':
        return { kind: 'write', place: 'ours', before: found.sha256 };
      case 'ours': {
        if (noted === null) return null;
        if (!isOfIt || noted.how !== how) {
          return { kind: 'write', place: 'ours', before: noted.sha256 };
        }
        if (noted.smaller) delivery.smaller += 1;
        const { mtimeMs } = found.stats;
        if (mtimeMs === noted.modified_ms) return { kind: 'leave' };
        return { kind: 'note', file: { ...noted, modified_ms: mtimeMs } };
      }
      case 'changed':
        if (!isOfIt) return null;
        tell(delivery.changed, briefId, name, 'changed since it was handed over');
        return { kind: 'leave' };
      case 'unknown': {
        const same = found.stats.isFile() ? await this.#asWanted(name, file) : null;
        if (same === null) return null;
        if (same.smaller) delivery.smaller += 1;
        return { kind: 'note', file: { ...same, modified_ms: found.stats.mtimeMs } };
      }
      default:
        return found satisfies never;
    }
  }

  /** One that had the name in other letters is taken away first: systems differ in whether they are two. */
  async #notedOf(name: string): Promise<DeliveredFile | null> {
    const { folder, record } = this.parts;
    const noted = await record.find(name);
    if (noted === null || noted.file === name) return noted;
    const found = await folder.lookAt(noted.file, noted);
    if (found.kind === 'ours' || found.kind === 'replaced') await folder.remove(noted.file);
    return null;
  }

  /** What the record lost: a file that is just as we would write it is ours. Null for another. */
  async #asWanted(
    name: string,
    file: Omit<PlannedFile, 'name' | 'act'>,
  ): Promise<DeliveredFile | null> {
    const { folder } = this.parts;
    const { asset, measure } = file;
    const sha256 = await folder.hashOf(name);
    if (measure === null) {
      const { bytes } = asset;
      return sha256 === asset.sha256
        ? { ...notes(name, file), bytes, sha256, modified_ms: 0 }
        : null;
    }
    const made = await this.#makePicture(asset, measure);
    if (made.kind !== 'made') return null;
    const ready = await folder.write(made.bytes);
    await folder.drop(ready.temporary);
    if (ready.sha256 !== sha256) return null;
    const smaller = made.smaller ? { smaller: true as const } : {};
    const { bytes } = ready;
    return { ...notes(name, file), bytes, sha256, modified_ms: 0, ...smaller };
  }

  /** Makes what is to be written, notes it, and gives it its names, in this order. */
  async #write(files: readonly PlannedFile[]): Promise<void> {
    const { folder, record, delivery } = this.parts;
    const all = await allOrThrow(
      files.map((file) => this.#limit(async () => ({ file, made: await this.#make(file) }))),
    );
    const noted = files.flatMap(({ act }) => (act.kind === 'note' ? [act.file] : []));
    const named: { name: string; content: ReadyFile; place: 'free' | 'ours' }[] = [];
    for (const { file, made } of all) {
      const { act, name, briefId, asset } = file;
      if (act.kind !== 'write' || made === null) continue;
      if (made.kind === 'impossible') {
        tell(delivery.not_delivered, briefId, asset.path, made.reason);
        // What stood there of ours goes with what is not approved any more.
        this.#mark(name, nameOf.nobody);
        continue;
      }
      const { content, smaller } = made;
      const { bytes, sha256, modifiedMs: modified_ms } = content;
      if (smaller) delivery.smaller += 1;
      noted.push({
        ...notes(name, file),
        ...{ bytes, sha256, modified_ms },
        ...(act.place === 'ours' && { before: act.before }),
        ...(smaller && { smaller: true }),
      });
      named.push({ name, content, place: act.place });
    }
    await record.note(noted);
    for (const { name, content, place } of named) {
      await folder.name(content, name, place);
      delivery.written += 1;
    }
    if (named.length > 0) await folder.sync();
  }

  /** Null for what is not to be written. */
  async #make(file: PlannedFile): Promise<MadeContent | null> {
    if (file.act.kind !== 'write') return null;
    const { root } = this.parts;
    await localAsset(root, file.asset.path).catch(() => null);
    const source = await checkAsset(file.asset, { root, mirror: null, onBytes: () => undefined });
    return source.kind === 'whole'
      ? this.#contentOf(file)
      : { kind: 'impossible', reason: source.why };
  }

  async #contentOf({ asset, measure }: PlannedFile): Promise<MadeContent> {
    const { root, folder, options, delivery } = this.parts;
    if (measure !== null) {
      const made = await this.#makePicture(asset, measure);
      if (made.kind === 'impossible') return made;
      return { kind: 'made', content: await folder.write(made.bytes), smaller: made.smaller };
    }
    const source = join(root, asset.path);
    const linked = options.as === 'links' ? await folder.link(source, asset.sha256) : null;
    if (options.as === 'links' && linked === null) delivery.copied_for_links = true;
    const content = linked ?? (await folder.copy(source, asset.sha256));
    return { kind: 'made', content, smaller: false };
  }

  async #makePicture({ path }: Asset, measure: Measure) {
    return makeToMeasure(await readFile(join(this.parts.root, path)), measure);
  }

  /** Files of ours that nobody has approved, or not under this name. */
  async #removeOthers(): Promise<void> {
    const { folder, record, delivery } = this.parts;
    for await (const noted of record.known()) {
      const { file: name, brief_id: briefId } = noted;
      if (this.#whose(name) !== nameOf.nobody) continue;
      const found = await folder.lookAt(name, noted);
      if (found.kind === 'ours' || found.kind === 'replaced') {
        await folder.remove(name);
        // A table that has another name now is none of those that are counted.
        if (briefId !== null) delivery.removed += 1;
      } else if (found.kind === 'changed' && briefId !== null) {
        const reason = 'changed since it was handed over, and not approved any more';
        tell(delivery.changed, briefId, name, reason);
      }
    }
  }

  async #placeTable(table: ReadyFile, wanted: string): Promise<string> {
    const { folder, record, delivery } = this.parts;
    for (let name = wanted; ; name = this.#given.next(tableName, null)) {
      const noted = await this.#notedOf(name);
      const found = await folder.lookAt(name, noted);
      const isSame =
        (found.kind === 'ours' && noted?.sha256 === table.sha256) ||
        (found.kind === 'unknown' &&
          found.stats.isFile() &&
          (await folder.hashOf(name)) === table.sha256);
      if (found.kind === 'changed' || (found.kind === 'unknown' && !isSame)) {
        this.#mark(name, nameOf.somebodyElse);
        continue;
      }
      const { bytes, sha256, modifiedMs } = table;
      const note = { file: name, brief_id: null, from: null, how: 'table', bytes, sha256 };
      this.#mark(name, nameOf.ours);
      if (isSame && 'stats' in found) {
        const { mtimeMs } = found.stats;
        if (mtimeMs !== noted?.modified_ms) await record.note([{ ...note, modified_ms: mtimeMs }]);
        await folder.drop(table.temporary);
      } else {
        const before =
          found.kind === 'replaced'
            ? found.sha256
            : found.kind === 'ours'
              ? noted?.sha256
              : undefined;
        await record.note([{ ...note, modified_ms: modifiedMs, ...(before && { before }) }]);
        await folder.name(table, name, found.kind === 'free' ? 'free' : 'ours');
      }
      if (name !== wanted) {
        tell(delivery.evaded, null, name, isTaken(wanted));
      }
      return name;
    }
  }

  #stands(name: string): boolean {
    return this.#whose(name) === nameOf.ours;
  }

  #whose(name: string): number {
    return this.#names.find(comparablePath(name))?.[0] ?? nameOf.nobody;
  }

  #mark(name: string, whose: number): void {
    this.#names.claim(comparablePath(name)).words[0] = whose;
  }
}

/** What the record says of a file but for its content. */
function notes(name: string, { asset, briefId, how }: Omit<PlannedFile, 'name' | 'act'>) {
  return { file: name, brief_id: briefId, from: asset.sha256, how };
}

function isTaken(name: string): string {
  return `${name} was put there by somebody else, or changed since it was handed over`;
}

function tell(told: Told, briefId: string | null, file: string, reason: string): void {
  told.count += 1;
  if (told.first.length < firstTold) told.first.push({ brief_id: briefId, file, reason });
}

/** What is under way ends first: nothing is written any more when this throws. */
async function allOrThrow<T>(works: Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(works);
  return settled.map((one) => {
    if (one.status === 'fulfilled') return one.value;
    throw one.reason;
  });
}
