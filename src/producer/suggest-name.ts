const MOST_NAMES_LISTED = 8;
/** A name that is longer is no slip of another one; a header or a cell can hold a book. */
const LONGEST_COMPARED = 100;

/**
 * The end of a sentence about a missing column: the nearest name there is,
 * or the names themselves where none is near.
 */
export function suggestName(wanted: string, names: readonly string[]): string {
  const nearest = nearestName(wanted, names);
  if (nearest !== null) return `did you mean "${nearest}"?`;
  const listed = names.slice(0, MOST_NAMES_LISTED).map((name) => `"${name}"`);
  const more = names.length > listed.length ? `, and ${names.length - listed.length} more` : '';
  return `the columns are ${listed.join(', ')}${more}.`;
}

/** The nearest of the names, or null where none is near. */
export function nearestName(wanted: string, names: readonly string[]): string | null {
  if (wanted.length > LONGEST_COMPARED) return null;
  const target = normalise(wanted);
  let nearest: string | null = null;
  // A third of the letters may differ: enough for typing mistakes, too little for another word.
  let smallest = Math.max(2, Math.floor(target.length / 3)) + 1;
  for (const name of names) {
    if (name.length > LONGEST_COMPARED) continue;
    const distance = editDistance(target, normalise(name));
    if (distance >= smallest) continue;
    smallest = distance;
    nearest = name;
  }
  return nearest;
}

/** Those that hold what is wanted, or are held by it; else the nearest, if one is near. */
export function nearNames(wanted: string, names: readonly string[]): string[] {
  const target = normalise(wanted);
  const parts = names.filter((name) => {
    const known = normalise(name);
    const shorter = Math.min(known.length, target.length);
    return shorter >= 3 && (known.includes(target) || target.includes(known));
  });
  if (parts.length > 0) return parts.sort().slice(0, MOST_NAMES_LISTED);
  const nearest = nearestName(wanted, names);
  return nearest === null ? [] : [nearest];
}

function normalise(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]+/g, ' ');
}

/** Levenshtein distance, one row of the table at a time. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      const added = (current[column - 1] ?? 0) + 1;
      const removed = (previous[column] ?? 0) + 1;
      current.push(Math.min(replaced, added, removed));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
