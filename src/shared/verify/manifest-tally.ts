import { posix } from 'node:path';
import type { LineStatus, ManifestLine } from '../manifest-line.js';

/** What the lines of a manifest add up to; a line that is there twice counts once. */
export class ManifestTally {
  lines = 0;
  /** Lines that could not be read: each may stand for a brief. */
  unreadable = 0;
  /** Row of a last line without its end. */
  tornRow: number | null = null;
  batch: string | null = null;
  readonly byStatus: Record<LineStatus, number> = {
    succeeded: 0,
    failed: 0,
    unknown: 0,
    cancelled: 0,
  };
  /** Credits that were charged for these lines, and those of cancelled ones, which may have been. */
  readonly credits = { charged: 0, cancelled: 0 };
  private readonly rowOf = new Map<string, number>();
  private readonly namerOf = new Map<string, string>();

  /** Counts a line; or says on which row its brief has one already. */
  add(line: ManifestLine, row: number): { kind: 'new' } | { kind: 'twice'; firstRow: number } {
    const firstRow = this.rowOf.get(line.brief_id);
    if (firstRow !== undefined) return { kind: 'twice', firstRow };
    this.rowOf.set(line.brief_id, row);
    this.batch ??= line.batch;
    this.lines += 1;
    this.byStatus[line.status] += 1;
    const charged = chargedFor(line);
    if (line.status === 'cancelled') this.credits.cancelled += charged;
    else this.credits.charged += charged;
    return { kind: 'new' };
  }

  hasBrief(briefId: string): boolean {
    return this.rowOf.has(briefId);
  }

  /** Notes who names a file; the brief that did so before, or null. */
  claim(path: string, briefId: string): string | null {
    const name = comparablePath(path);
    const earlier = this.namerOf.get(name);
    if (earlier === undefined) this.namerOf.set(name, briefId);
    return earlier ?? null;
  }

  names(path: string): boolean {
    return this.namerOf.has(comparablePath(path));
  }
}

/** Of an unknown outcome nobody knows what it cost: it counts as reserved, not as spent (S6). */
export function chargedFor({ status, credits }: ManifestLine): number {
  return status === 'unknown' ? 0 : (credits.final ?? credits.reserved ?? 0);
}

/** One form for names that some file system takes for the same file: case, `ß` and `SS`, composed letters. */
export function comparablePath(path: string): string {
  return posix.normalize(path).normalize('NFC').toLowerCase().toUpperCase().toLowerCase();
}
