import { spelling } from './cell-text.js';

const MOST_NAMES_LISTED = 8;
const MOST_NEAR = 3;
/** Nobody types more than this, and the work grows with the square of it. */
const LONGEST_COMPARED = 100;

/**
 * The end of a sentence about a missing column: the nearest names that there are,
 * or the names themselves where none is near.
 */
export function suggestName(wanted: string, names: readonly string[]): string {
  const near = nearNames(wanted, names);
  // The words of the only column are most likely the names of several.
  if (names.length === 1 && fewestMistakes(spelling(wanted), names) === null) {
    return `the only column is "${names[0]}". If that is several, name what stands between them with --delimiter.`;
  }
  if (near.length > 0) return didYouMean(near);
  const listed = names.slice(0, MOST_NAMES_LISTED).map((name) => `"${name}"`);
  const more = names.length > listed.length ? `, and ${names.length - listed.length} more` : '';
  return `the columns are ${listed.join(', ')}${more}.`;
}

/** The question at the end of a sentence about a name that there is not; '' where none is near. */
export function didYouMean(near: readonly string[]): string {
  return near.length === 0 ? '' : `did you mean ${orList(near)}?`;
}

/** `"a"`, `"a" or "b"`, `"a", "b" or "c"`. */
export function orList(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}

/**
 * Which of these names may have been meant, the nearest first, at most three: the one that is spelt alike, else the
 * one with the fewest mistakes in it, else those that have all of its words (`SKU`: `Variant SKU`), or only its words.
 */
export function nearNames(wanted: string, names: readonly string[]): string[] {
  const target = spelling(wanted.slice(0, LONGEST_COMPARED));
  const nearest = fewestMistakes(target, names);
  return nearest === null ? sharingWords(wanted, names) : [nearest];
}

function fewestMistakes(target: string, names: readonly string[]): string | null {
  if (target === '') return null;
  let nearest: string | null = null;
  let smallest = mostMistakes(target) + 1;
  for (const name of names) {
    const other = spelling(name.slice(0, LONGEST_COMPARED));
    if (Math.abs(other.length - target.length) >= smallest) continue;
    const distance = editDistance(target, other);
    if (distance >= smallest) continue;
    smallest = distance;
    nearest = name;
  }
  return nearest;
}

/** Enough for slips of the hand, and too little for another word: `Name` is not `Sale`. */
function mostMistakes({ length }: string): number {
  if (length < 3) return 0;
  return length < 6 ? 1 : Math.max(2, Math.floor(length / 3));
}

function sharingWords(wanted: string, names: readonly string[]): string[] {
  const words = wordsOf(wanted);
  const found = names
    .map((name) => ({ name, words: wordsOf(name) }))
    .filter((other) => isPart(words, other.words) || isPart(other.words, words))
    .sort((left, right) => left.words.length - right.words.length);
  return found.slice(0, MOST_NEAR).map(({ name }) => name);
}

function isPart(part: readonly string[], whole: readonly string[]): boolean {
  return part.some((word) => word.length > 1) && part.every((word) => whole.includes(word));
}

function wordsOf(name: string): string[] {
  return name
    .slice(0, LONGEST_COMPARED)
    .split(/[^\p{L}\p{N}]+|(?<=\p{Ll})(?=\p{Lu})/u)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

/** Letters that are missing, added, replaced, or changed places with the next; one row of the table at a time. */
function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const isSame = left[row - 1] === right[column - 1];
      const isSwapped =
        row > 1 &&
        column > 1 &&
        left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      current.push(
        Math.min(
          (previous[column - 1] ?? 0) + (isSame ? 0 : 1),
          (current[column - 1] ?? 0) + 1,
          (previous[column] ?? 0) + 1,
          isSwapped ? (before[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = previous;
    previous = current;
  }
  return previous[right.length] ?? 0;
}
