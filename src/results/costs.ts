import { join } from 'node:path';
import { BatchError } from '../shared/errors.js';
import type { ManifestLine } from '../shared/manifest-line.js';
import { TextIndex } from '../shared/text-index.js';
import { fileNames } from './file-names.js';
import { chargedFor, type FoundLine, manifestPath, readManifest, walkHistory } from './manifest.js';

/** What was paid for some lines, and what came of it. Credits, as the API stated them. */
export interface Costs {
  /** Lines of the manifest, but for those that were taken over. */
  briefs: number;
  succeeded: number;
  /** For all attempts of theirs. */
  spent: number;
  /** Part of it: for attempts that did not succeed. */
  spentOnFailed: number;
  /** Part of it: for attempts that later ones have replaced. */
  spentOnEarlier: number;
  /** Attempts of which nobody knows what was charged, and the credits that were reserved for them: no part of what was spent. */
  inDoubt: { attempts: number; reserved: number };
}

export interface CostReport {
  /** By what the lines were grouped by, in the order in which that was first met; null where a line has none. */
  groups: Map<string | null, Costs>;
  total: Costs;
  /** Lines that an earlier batch of a schedule has paid for: they count there. */
  takenOver: number;
  unreadable: { path: string; row: number }[];
}

/** What is no group any more: each value takes some 200 bytes. */
const mostGroups = 100_000;

export function noCosts(): Costs {
  return {
    briefs: 0,
    succeeded: 0,
    spent: 0,
    spentOnFailed: 0,
    spentOnEarlier: 0,
    inDoubt: { attempts: 0, reserved: 0 },
  };
}

export function addCosts(sum: Costs, one: Costs): void {
  sum.briefs += one.briefs;
  sum.succeeded += one.succeeded;
  sum.spent += one.spent;
  sum.spentOnFailed += one.spentOnFailed;
  sum.spentOnEarlier += one.spentOnEarlier;
  sum.inDoubt.attempts += one.inDoubt.attempts;
  sum.inDoubt.reserved += one.inDoubt.reserved;
}

/**
 * What the batches of some folders have cost, by whatever `groupOf` makes of a line. Memory: the groups, and some 30 bytes
 * for a task.
 * @throws BatchError `usage` where there are too many groups to be any
 */
export async function sumCosts(
  folders: readonly string[],
  groupOf: (line: ManifestLine) => string | null,
  most = mostGroups,
): Promise<CostReport> {
  const report: CostReport = {
    groups: new Map(),
    total: noCosts(),
    takenOver: 0,
    unreadable: [],
  };
  for (const folder of folders) {
    for await (const { line, when } of paidLines(folder, report.unreadable)) {
      if (line.from !== null) {
        report.takenOver += 1;
        continue;
      }
      const group = groupOf(line);
      const costs = report.groups.get(group) ?? noCosts();
      report.groups.set(group, costs);
      if (report.groups.size > most) throw tooMany(most);
      const paid = costsOf(line, when);
      addCosts(costs, paid);
      addCosts(report.total, paid);
    }
  }
  return report;
}

function tooMany(most: number): BatchError {
  return new BatchError(
    'usage',
    `There are more than ${most} groups: choose something for --by that more lines have in common.`,
  );
}

export interface PaidLine {
  line: ManifestLine;
  /** `earlier`: another line of its brief has replaced it. */
  when: 'now' | 'earlier';
}

/**
 * Lines of the manifest, then those of the history. A task that was looked at again has a line in both, and is paid once:
 * its latest one counts.
 */
export async function* paidLines(
  folder: string,
  unreadable: CostReport['unreadable'],
): AsyncGenerator<PaidLine> {
  /** The row of the history that counts for a task; 0 where the manifest has it. */
  const tasks = new TextIndex(1);
  for await (const { row, line } of readableOf(walkHistory(folder), () => undefined)) {
    if (line.task_id !== null) tasks.claim(line.task_id).words[0] = row;
  }
  const told = (path: string) => (row: number) => unreadable.push({ path, row });
  for await (const { line } of readableOf(readManifest(folder), told(manifestPath(folder)))) {
    if (line.task_id !== null) tasks.claim(line.task_id).words[0] = 0;
    yield { line, when: 'now' };
  }
  for await (const { row, line } of readableOf(
    walkHistory(folder),
    told(join(folder, fileNames.history)),
  )) {
    const counts = line.task_id === null || tasks.find(line.task_id)?.[0] === row;
    if (counts) yield { line, when: 'earlier' };
  }
}

async function* readableOf(
  lines: AsyncIterable<FoundLine>,
  unreadable: (row: number) => void,
): AsyncGenerator<{ row: number; line: ManifestLine }> {
  for await (const found of lines) {
    if (found.kind === 'line') yield found;
    else if (found.kind === 'unreadable') unreadable(found.row);
  }
}

/** What one line adds to the costs of its folder. */
export function costsOf(line: ManifestLine, when: PaidLine['when']): Costs {
  const costs = noCosts();
  if (when === 'now') {
    costs.briefs = 1;
    costs.succeeded = line.status === 'succeeded' ? 1 : 0;
  }
  const charged = chargeOf(line);
  if (charged === null) {
    costs.inDoubt = { attempts: 1, reserved: line.credits.reserved ?? 0 };
    return costs;
  }
  costs.spent = charged;
  if (line.status !== 'succeeded') costs.spentOnFailed = charged;
  if (when === 'earlier') costs.spentOnEarlier = charged;
  return costs;
}

/** What an attempt was charged, as `chargedFor` has it; null where nobody knows. */
function chargeOf(line: ManifestLine): number | null {
  const { status, credits, task_id: task, error } = line;
  const isStated = credits.final !== null || credits.reserved !== null;
  switch (status) {
    case 'succeeded':
      return isStated ? chargedFor(line) : null;
    case 'failed':
      // A clear refusal is not charged.
      return isStated || task === null ? chargedFor(line) : null;
    case 'cancelled':
      // What was left behind by `cancel --abandon` may have been charged; nothing else of them was sent, or taken.
      return isStated || error?.code !== 'abandoned' ? chargedFor(line) : null;
    case 'unknown':
      return null;
    default:
      return status satisfies never;
  }
}
