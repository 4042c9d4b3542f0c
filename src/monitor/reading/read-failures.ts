import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { BatchMeta } from '../../ledger/batch-meta.js';
import { type FailureGroup, groupFailures } from '../../results/failures.js';
import { manifestPath, readableLines } from '../../results/manifest.js';

export type Failures =
  /** The lines are on another machine, or not there yet. */
  | { kind: 'elsewhere'; out: string }
  | { kind: 'groups'; groups: FailureGroup[]; unreadable: number; atMs: number };

interface Grouped {
  key: string;
  tookMs: number;
  failures: Promise<Failures>;
  atMs: number;
}

/** A manifest of a million lines is not read anew for every look: so many times as long as it took. */
const restFactor = 20;
const shortestRestMs = 2_000;

/** Why briefs of a batch did not succeed, by its manifest; read anew only when there is something new. */
export class FailureReader {
  private readonly known = new Map<string, Grouped>();

  read(meta: BatchMeta, nowMs: number): Promise<Failures> {
    const { lines, admissions, out } = meta;
    const key = [out, admissions, lines.failed, lines.unknown, lines.cancelled].join('|');
    const known = this.known.get(meta.name);
    const rests = known && nowMs - known.atMs < Math.max(shortestRestMs, known.tookMs * restFactor);
    if (known && (known.key === key || rests)) return known.failures;
    const grouped: Grouped = { key, tookMs: 0, atMs: nowMs, failures: this.group(meta, nowMs) };
    this.known.set(meta.name, grouped);
    const startedMs = performance.now();
    grouped.failures.then(
      () => {
        grouped.tookMs = performance.now() - startedMs;
      },
      () => this.known.delete(meta.name),
    );
    return grouped.failures;
  }

  private async group({ out }: BatchMeta, nowMs: number): Promise<Failures> {
    if (out === '' || !(await readable(manifestPath(out)))) return { kind: 'elsewhere', out };
    let unreadable = 0;
    const groups = await groupFailures(
      readableLines(out, () => {
        unreadable += 1;
      }),
    );
    return { kind: 'groups', groups, unreadable, atMs: nowMs };
  }
}

/** Whether a file is on this machine, and ours to read. */
export async function readable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
