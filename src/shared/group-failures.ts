import { remedyFor } from './failure-remedies.js';
import type { LineStatus, ManifestLine } from './manifest-line.js';

/** Lines of one error code that did not succeed; `status --failed --json` prints it like this. */
export interface FailureGroup {
  code: string;
  count: number;
  /** How they ended; a status that none has is left out. */
  statuses: Partial<Record<LineStatus, number>>;
  /** The first of them. */
  example: { brief_id: string; message: string; request_id: string | null };
  /** What a person can do about it, in one sentence. */
  remedy: string;
}

/** The lines that did not succeed, by error code, the most frequent first. */
export async function groupFailures(lines: AsyncIterable<ManifestLine>): Promise<FailureGroup[]> {
  const groups = new Map<string, FailureGroup>();
  for await (const line of lines) {
    if (line.status === 'succeeded') continue;
    // A line without an error is one that was cancelled before anything happened.
    const code = line.error?.code ?? line.status;
    const group = groups.get(code) ?? newGroup(code, line);
    groups.set(code, group);
    group.count += 1;
    group.statuses[line.status] = (group.statuses[line.status] ?? 0) + 1;
  }
  return [...groups.values()].sort(
    (left, right) => right.count - left.count || (left.code < right.code ? -1 : 1),
  );
}

function newGroup(code: string, { brief_id, error }: ManifestLine): FailureGroup {
  const example = {
    brief_id,
    message: error?.message ?? '',
    request_id: error?.request_id ?? null,
  };
  return { code, count: 0, statuses: {}, example, remedy: remedyFor(code) };
}
