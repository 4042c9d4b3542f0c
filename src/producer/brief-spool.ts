import type { PreparedBrief } from '../shared/prepared-brief.js';
import { numberName } from './file-name.js';
import type { PreparedOutput } from './prepare-output.js';
import type { Spool } from './spool.js';

/** id, variants with the number of the first, fingerprint, origin, body: none holds a line feed, because ids and JSON text have none. */
const LINES_PER_ROW = 5;

/** `firstNumber`: of its pictures among those of the same name. */
export function spoolBrief(spool: Spool, prepared: PreparedOutput, firstNumber: number): void {
  const { id, variants, fingerprint, origin, body } = prepared;
  spool.add(`${id}\n${variants} ${firstNumber}\n${fingerprint}\n${origin}\n${body}\n`);
}

/** Variants are made here, when rows are read back, so that N of them take no more disk than one. */
export async function* readBriefs(spool: Spool): AsyncGenerator<PreparedBrief> {
  let kept: string[] = [];
  for await (const read of spool.lines()) {
    const lines = kept.length === 0 ? read : kept.concat(read);
    const end = lines.length - (lines.length % LINES_PER_ROW);
    for (let at = 0; at < end; at += LINES_PER_ROW) {
      const brief = briefAt(lines, at);
      const [variants = 1, firstNumber = 1] = (lines[at + 1] ?? '').split(' ').map(Number);
      if (variants === 1) yield { ...brief, origin: numberName(brief.origin, firstNumber) };
      else yield* variantsOf(brief, { variants, firstNumber });
    }
    kept = lines.slice(end);
  }
}

function briefAt(lines: readonly string[], at: number): PreparedBrief {
  return {
    id: lines[at] ?? '',
    fingerprint: lines[at + 2] ?? '',
    origin: lines[at + 3] ?? '',
    body: lines[at + 4] ?? '',
  };
}

function* variantsOf(
  brief: PreparedBrief,
  { variants, firstNumber }: { variants: number; firstNumber: number },
): Generator<PreparedBrief> {
  for (let variant = 1; variant <= variants; variant++) {
    const origin = numberName(brief.origin, firstNumber + variant - 1);
    yield { ...brief, id: `${brief.id}/${variant}`, origin };
  }
}
