import { realpath, stat } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { clearBatch, metaAt, type PlacedBatch, standing } from '../../batch/clear-batch.js';
import { localOutput } from '../../batch/open-batch.js';
import { isBucketAddress } from '../../bucket/bucket-address.js';
import type { BatchMeta } from '../../ledger/batch-meta.js';
import { batchesKey, batchKeys } from '../../ledger/keys.js';
import { type Clearable, type FolderShare, surveyFolder } from '../../results/clear-folder.js';
import { ownerOf } from '../../results/output-folder.js';
import { readReport } from '../../results/run-report.js';
import { openStoreSession, type StoreSession } from '../../session/store-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { counted, formatBytes, quoteName } from '../../shared/quantities.js';
import { addJsonFlag, addYesFlag, pathOnDisk, twin } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { confirm } from '../text/agree.js';
import { type Column, printTable } from '../text/table.js';
import { namedBatches } from './forget.js';

interface PruneFlags {
  /** Ms; absent: what is usual. */
  olderThan?: number;
  files: boolean;
  dryRun: boolean;
  yes: boolean;
  json: boolean;
}

const dayMs = 24 * 60 * 60_000;
/** Where nobody names a batch. */
const usualAgeMs = 30 * dayMs;

export function addPruneCommand(program: Command, setup: CommandSetup): void {
  const command = program
    .command('prune')
    .argument(
      '[batch or folder...]',
      "names, folders, or patterns as in 'nightly@2026-10-*'; without any: all finished batches",
      given,
    );
  const options = [
    new Option(
      '--older-than <age>',
      'only what ended so long ago, such as 12h, 30d or 8w (default: 30d where none is named)',
    ).argParser(age),
    new Option(
      '--files',
      'of a batch or folder that is named: its results, all of them; else what no manifest line needs',
    ).default(false),
    new Option('--dry-run', 'say what would go, and change nothing').default(false),
  ];
  for (const option of options) command.addOption(twin(option));
  addYesFlag(command);
  addJsonFlag(command);
  command.action((whats: string[] | undefined, flags: PruneFlags) =>
    setup.run(() => prune(setup, whats ?? [], flags)),
  );
}

function given(what: string, before: string[] = []): string[] {
  return [...before, pathOnDisk(what)];
}

function age(text: string): number {
  const [, count, unit] = /^(\d{1,6})([hdw])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('It must be such as 12h, 30d or 8w.');
  const units: Record<string, number> = { h: dayMs / 24, d: dayMs, w: 7 * dayMs };
  return Number(count) * (units[unit ?? ''] ?? 0);
}

/** A batch that may go, as it was found. */
interface Candidate extends PlacedBatch {
  /** As somebody gave it; null where all are meant. */
  named: string | null;
  /** Null where Redis does not have the batch of this folder. */
  meta: BatchMeta | null;
}

/** What is to go, or why it stays. */
interface Verdict {
  candidate: Candidate;
  /** Null where it goes. */
  stays: string | null;
  /** Stays because of its age alone, which is no fault of whoever named it. */
  tooYoung: boolean;
  redisBytes: number;
  files: Clearable | 'none';
  share: FolderShare;
}

async function prune(setup: CommandSetup, whats: string[], flags: PruneFlags): Promise<ExitCode> {
  const { terminal, settings } = setup;
  const session = await openStoreSession(settings, terminal);
  try {
    const verdicts: Verdict[] = [];
    for (const candidate of await candidatesOf(session, whats)) {
      verdicts.push(await judge(session, candidate, flags));
    }
    const going = verdicts.filter(({ stays }) => stays === null);
    if (!flags.json) printVerdicts(setup, verdicts, flags);
    if (flags.dryRun || going.length === 0) return ended(setup, verdicts, flags);
    if (!(await agreed(setup, going, flags))) return ExitCode.interrupted;
    for (const verdict of going) await carryOut(session, verdict);
    return ended(setup, verdicts, flags);
  } finally {
    await session.close();
  }
}

async function candidatesOf(session: StoreSession, whats: readonly string[]): Promise<Candidate[]> {
  const { connection, settings } = session;
  if (whats.length === 0) {
    const names = (await connection.smembers(batchesKey(settings.prefix))).sort();
    const known = await Promise.all(names.map((name) => inRedis(session, name, null)));
    return known.filter(({ meta }) => meta !== null);
  }
  const candidates = new Map<string, Candidate>();
  for (const what of whats) {
    const folder = await folderAt(what);
    const found = folder === null ? await namedBatches(session, [what]) : [folder];
    for (const one of found) {
      const candidate = await (folder === null
        ? inRedis(session, one, what)
        : atPlace(session, one, what));
      candidates.set(`${candidate.batch} ${candidate.folder}`, candidate);
    }
  }
  return [...candidates.values()];
}

async function folderAt(what: string): Promise<string | null> {
  const found = await stat(what).catch(() => null);
  return found?.isDirectory() ? realpath(what) : null;
}

async function atPlace(session: StoreSession, folder: string, named: string): Promise<Candidate> {
  const batch = await ownerOf(folder);
  if (batch === null) {
    throw new BatchError(
      'bad_input',
      `${folder} holds no results of a batch: nothing was changed.`,
    );
  }
  const placed = { batch, folder };
  return { ...placed, named, meta: await metaAt(storeOf(session), placed) };
}

/** @throws BatchError `batch_not_found` where somebody named it */
async function inRedis(
  session: StoreSession,
  batch: string,
  named: string | null,
): Promise<Candidate> {
  const meta = await metaAt(storeOf(session), { batch, folder: null });
  if (meta === null && named !== null) await session.findBatch(batch);
  // What is in a bucket stays there: what its owner wants to lose, its owner deletes.
  if (meta === null || isBucketAddress(meta.out)) return { batch, folder: null, named, meta };
  const { ledger } = await session.findBatch(batch);
  return { batch, folder: await localOutput(ledger, meta, session.settings), named, meta };
}

async function judge(
  session: StoreSession,
  candidate: Candidate,
  { files: wanted, olderThan }: PruneFlags,
): Promise<Verdict> {
  const { named, folder, meta, batch } = candidate;
  const isMeant = named !== null && !named.includes('*');
  const files = !wanted || folder === null ? 'none' : isMeant ? 'results' : 'leftovers';
  const nothing = { candidate, files, redisBytes: 0, share: { files: 0, bytes: 0 } } as const;
  const stay = (stays: string, tooYoung = false) => ({ ...nothing, stays, tooYoung });
  if ((await standing(storeOf(session), candidate)) === 'open') return stay('it is not finished');
  const least = olderThan ?? (named === null ? usualAgeMs : 0);
  const endedMs = await endOf(candidate);
  if (least > 0 && (endedMs === null || session.clock.now() - endedMs < least)) {
    return stay('it ended more recently than that', true);
  }
  if (!isMeant && meta !== null && meta.lines.unknown > 0) {
    const many = counted(meta.lines.unknown, 'brief');
    return stay(
      `${many} of it may have been paid already: decide on them with retry, or name the batch to delete it`,
    );
  }
  if (folder === null && meta !== null && meta.out !== '' && (!isMeant || wanted)) {
    return stay(`its folder ${meta.out} is not on this machine: prune it there, or forget it`);
  }
  const redisBytes = meta === null ? 0 : await bytesInRedis(session, batch);
  const share =
    folder === null || files === 'none' ? nothing.share : await surveyFolder(folder, files);
  return { candidate, stays: null, tooYoung: false, files, redisBytes, share };
}

/** When a batch ended, in ms; as its report says where Redis does not. */
async function endOf({ meta, folder }: Candidate): Promise<number | null> {
  if (meta?.endedAt) return meta.endedAt;
  const report = folder === null ? null : await readReport(folder);
  if (report !== null) return Date.parse(report.times.written);
  return meta === null ? null : meta.createdAt;
}

/** Of its keys; those of its queues, which are empty, are not counted. */
async function bytesInRedis(
  { connection, settings }: StoreSession,
  batch: string,
): Promise<number> {
  const keys = Object.values(batchKeys(settings.prefix, batch));
  const sizes = await Promise.all(keys.map((key) => connection.memory('USAGE', key)));
  return sizes.reduce<number>((sum, size) => sum + Number(size ?? 0), 0);
}

async function carryOut(session: StoreSession, verdict: Verdict): Promise<void> {
  const clearing = await clearBatch(storeOf(session), verdict.candidate, verdict.files);
  switch (clearing.kind) {
    case 'cleared':
      verdict.share = clearing;
      return;
    case 'open':
      verdict.stays = 'it was started again meanwhile';
      return;
    case 'not_its_folder':
      verdict.stays = 'its folder holds something else by now';
      return;
    default:
      clearing satisfies never;
  }
}

/** Files are asked for; what Redis has alone is in the folders as well. */
async function agreed(
  { terminal }: CommandSetup,
  going: readonly Verdict[],
  { yes }: PruneFlags,
): Promise<boolean> {
  const { files, bytes } = sumOf(going);
  if (files === 0 || yes) return true;
  const results = going.filter((verdict) => verdict.files === 'results').length;
  const whose =
    results === 0
      ? 'None of them is named by a line of a manifest.'
      : `With them go the results of ${counted(results, 'batch', 'batches')}: to make them again is to pay again.`;
  terminal.note(`To be deleted: ${counted(files, 'file')}, ${formatBytes(bytes)}. ${whose}`);
  if ((await confirm('Go on?')) === 'yes') return true;
  terminal.note('Nothing was changed.');
  return false;
}

function sumOf(verdicts: readonly Verdict[]): FolderShare & { redisBytes: number } {
  const sum = { files: 0, bytes: 0, redisBytes: 0 };
  for (const { share, redisBytes } of verdicts) {
    sum.files += share.files;
    sum.bytes += share.bytes;
    sum.redisBytes += redisBytes;
  }
  return sum;
}

const columns: Column<Verdict>[] = [
  { head: 'batch', text: ({ candidate }) => candidate.batch, narrow: { least: 20, by: 'middle' } },
  { head: 'of Redis', text: ({ redisBytes }) => formatBytes(redisBytes), align: 'right' },
  { head: 'files', text: ({ share }) => String(share.files), align: 'right' },
  { head: 'of disk', text: ({ share }) => formatBytes(share.bytes), align: 'right' },
  {
    head: 'folder',
    text: ({ candidate, files }) =>
      `${candidate.folder ?? '(none here)'}${files === 'results' ? ', all results' : ''}`,
    leaveOut: 1,
  },
];

function printVerdicts(
  { terminal }: CommandSetup,
  verdicts: readonly Verdict[],
  { dryRun, olderThan = usualAgeMs }: PruneFlags,
): void {
  const going = verdicts.filter(({ stays }) => stays === null);
  if (going.length > 0) {
    terminal.print(dryRun ? 'Would be deleted:' : 'To delete:');
    printTable(terminal, going, columns);
  }
  const young = verdicts.filter(({ tooYoung }) => tooYoung).length;
  if (young > 0) {
    const many = counted(young, 'batch', 'batches');
    terminal.note(`${many} ended less than ${ageText(olderThan)} ago (--older-than).`);
  }
  for (const { candidate, stays, tooYoung } of verdicts) {
    const isTold = stays !== null && !tooYoung;
    if (isTold) terminal.note(`Batch ${quoteName(candidate.batch)} stays: ${stays}.`);
  }
}

function ageText(ms: number): string {
  return ms % dayMs === 0 ? counted(ms / dayMs, 'day') : counted((24 * ms) / dayMs, 'hour');
}

/** What was named and stays is a fault of the command; among all, it is the rule. */
function ended(
  { terminal }: CommandSetup,
  verdicts: readonly Verdict[],
  { json, dryRun }: PruneFlags,
): ExitCode {
  const gone = verdicts.filter(({ stays }) => stays === null);
  const { files, bytes, redisBytes } = sumOf(gone);
  if (json) {
    const batches = verdicts.map(({ candidate, stays, share, ...verdict }) => ({
      batch: candidate.batch,
      folder: candidate.folder,
      stays,
      redis_bytes: verdict.redisBytes,
      what: verdict.files,
      files: share.files,
      bytes: share.bytes,
    }));
    terminal.json({ dry_run: dryRun, batches, redis_bytes: redisBytes, files, bytes });
  } else if (gone.length === 0) {
    terminal.print('There is nothing to delete.');
  } else if (!dryRun) {
    terminal.print(
      `Deleted: ${counted(gone.length, 'batch', 'batches')} from Redis (${formatBytes(redisBytes)}), ${counted(files, 'file')} (${formatBytes(bytes)}).`,
    );
  }
  const isRefused = verdicts.some(({ candidate, stays, tooYoung }) => {
    return stays !== null && !tooYoung && candidate.named !== null;
  });
  return isRefused ? ExitCode.badInput : ExitCode.succeeded;
}

function storeOf({ connection: redis, settings: { prefix } }: StoreSession) {
  return { redis, prefix };
}
