import type { BatchMeta } from '../../ledger/batch-meta.js';
import { decodeState, standingOf } from '../../ledger/brief-state.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import type { Ledgers } from './ledgers.js';

/** A brief of a row, as the others of the row see it. */
export interface RowBrief {
  id: string;
  output: string;
  /** Numbers of its variants, as `/2/3`; '' for none. */
  variant: string;
  /** Its stage, or how it ended. */
  status: ReturnType<typeof standingOf>;
}

/** Where a brief stands in its row, by its id and its output's name. */
interface RowPlace extends Pick<RowBrief, 'output' | 'variant'> {
  /** What the ids of all briefs of the row begin with. */
  row: string;
}

/** Null where the id was not made of the output's name: then nothing is known of its row. */
export function placeInRow(id: string, output: string): RowPlace | null {
  const [variant = ''] = /(\/\d+)*$/.exec(id) ?? [];
  // An output may be called by a number as well.
  for (let at = id.length - variant.length; at <= id.length; at += 1) {
    const head = id.slice(0, at);
    if (!head.endsWith(`/${output}`)) continue;
    return { row: head.slice(0, -output.length - 1), output, variant: id.slice(at) };
  }
  return null;
}

/** As many variants of an output, and of what comes after each, are looked for. */
const numbers = Array.from({ length: 12 }, (_, index) => `/${index + 1}`);

/**
 * The briefs that were made of the same row, in the order of the recipe's outputs; empty where it makes but one.
 * @param lines of the same row, where the ledger has let go of its briefs
 */
export async function readRow(
  ledgers: Ledgers,
  meta: BatchMeta,
  { place, lines }: { place: RowPlace; lines: readonly ManifestLine[] },
): Promise<RowBrief[]> {
  const outputs = meta.outputs.map(({ name }) => name);
  const find = (variants: readonly string[]) =>
    findBriefs(ledgers, meta.name, idsOf(place.row, outputs, variants));
  const first = await find([...new Set(['', ...numbers, place.variant])]);
  // Variants of what comes after a variant are numbered behind its own number.
  const deeper = [...new Set(first.map(({ variant }) => variant))].filter((made) => made !== '');
  const second = deeper.length === 0 ? [] : await find(deeper.flatMap(behind));
  const found = [...new Map([...first, ...second].map((brief) => [brief.id, brief])).values()];
  const ofLines = lines.flatMap(({ brief_id: id, output = '', status }): RowBrief[] => {
    const of = placeInRow(id, output);
    const isOther = of?.row === place.row && found.every((brief) => brief.id !== id);
    return isOther ? [{ id, output, variant: of.variant, status }] : [];
  });
  const all = [...found, ...ofLines].sort(
    (left, right) =>
      outputs.indexOf(left.output) - outputs.indexOf(right.output) ||
      left.variant.localeCompare(right.variant, 'en', { numeric: true }),
  );
  return all.length > 1 ? all : [];
}

const behind = (variant: string) => numbers.map((number) => variant + number);

type RowId = Pick<RowBrief, 'id' | 'output' | 'variant'>;

function idsOf(row: string, outputs: readonly string[], variants: readonly string[]): RowId[] {
  return outputs.flatMap((output) =>
    variants.map((variant) => ({ id: `${row}/${output}${variant}`, output, variant })),
  );
}

/** Those that the ledger knows. */
async function findBriefs(ledgers: Ledgers, batch: string, ids: RowId[]): Promise<RowBrief[]> {
  if (ids.length === 0) return [];
  const { state } = ledgers.batch(batch).keys;
  const texts = await ledgers.redis.hmget(state, ...ids.map(({ id }) => id));
  return ids.flatMap((asked, index): RowBrief[] => {
    const text = texts[index];
    if (typeof text !== 'string') return [];
    return [{ ...asked, status: standingOf(decodeState(text).state) }];
  });
}
