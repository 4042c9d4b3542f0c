import { idFault } from './check-content.js';
import type { Output } from './mapping.js';
import { addFault, type RowFault } from './rejection.js';

/** Length of the fingerprint's head that stands in for an id: 64 bits; a collision is a rejected row. */
const HASH_ID_LENGTH = 16;

/** The id of one of a row's outputs, without a variant's number; faults are noted. */
export function outputId(
  { name, variants }: Output,
  { givenId, fingerprint }: { givenId: string | null; fingerprint: string },
  faults: RowFault[],
): string {
  const base = givenId ?? fingerprint.slice(0, HASH_ID_LENGTH);
  const id = name === null ? base : `${base}/${name}`;
  const suffixLength = variants > 1 ? `/${variants}`.length : 0;
  // The row's own was checked with the longest of its outputs' names.
  if (givenId === null) addFault(faults, idFault(id, { column: 'id', suffixLength }));
  return id;
}
