import type { PreparedBrief } from '../shared/prepared-brief.js';
import { numberName } from './file-name.js';
import type { PreparedRow } from './prepare-row.js';
import type { Spool } from './spool.js';

/** id, fingerprint, origin, body: none holds a line feed, because ids and JSON text have none. */
const LINES_PER_ROW = 4;

export function spoolBrief(spool: Spool, { id, fingerprint, origin, body }: PreparedRow): void {
  spool.add(`${id}\n${fingerprint}\n${origin}\n${body}\n`);
}

/** Variants are made here, when rows are read back, so that N of them take no more disk than one. */
export async function* readBriefs(spool: Spool, variants: number): AsyncGenerator<PreparedBrief> {
  let kept: string[] = [];
  for await (const read of spool.lines()) {
    const lines = kept.length === 0 ? read : kept.concat(read);
    const end = lines.length - (lines.length % LINES_PER_ROW);
    for (let at = 0; at < end; at += LINES_PER_ROW) {
      const brief = briefAt(lines, at);
      if (variants === 1) yield { ...brief, origin: numberName(brief.origin, 1) };
      else yield* variantsOf(brief, variants);
    }
    kept = lines.slice(end);
  }
}

function briefAt(lines: readonly string[], at: number): PreparedBrief {
  return {
    id: lines[at] ?? '',
    fingerprint: lines[at + 1] ?? '',
    origin: lines[at + 2] ?? '',
    body: lines[at + 3] ?? '',
  };
}

function* variantsOf(brief: PreparedBrief, variants: number): Generator<PreparedBrief> {
  for (let variant = 1; variant <= variants; variant++) {
    const origin = numberName(brief.origin, variant);
    yield { ...brief, id: `${brief.id}/${variant}`, origin };
  }
}
