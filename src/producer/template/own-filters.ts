import type { JsonValue } from '../../shared/json.js';
import { asNumber, asText, listRefusal, longestText, Refusal, tooLong } from './filter-values.js';

const word = /[\p{L}\p{N}][\p{L}\p{M}\p{N}'’]*/gu;

/** `STONEWARE mug` -> `Stoneware Mug`. */
export function titleCase(text: string): string {
  return text.replace(word, (found) => {
    const [first = '', ...others] = found;
    return first.toUpperCase() + others.join('').toLowerCase();
  });
}

/** By characters as a person counts them, the ellipsis among them; the engine's own cuts an emoji in two. */
export function truncateText(text: string, length = '50', ellipsis = '...'): string | Refusal {
  const most = countOf(length);
  if (most instanceof Refusal || text.length <= most) return most instanceof Refusal ? most : text;
  const characters = [...text];
  if (characters.length <= most) return text;
  const kept = Math.max(0, most - [...ellipsis].length);
  return characters.slice(0, kept).join('') + ellipsis;
}

/** From the end where `from` is below zero. */
export function sliceText(text: string, from: string, length = '1'): string | Refusal {
  const begin = wholeNumber(from);
  const count = countOf(length);
  if (begin instanceof Refusal) return begin;
  if (count instanceof Refusal) return count;
  const characters = [...text];
  const start = begin < 0 ? characters.length + begin : begin;
  return start < 0 ? '' : characters.slice(start, start + count).join('');
}

/** What comes out is counted before it is made: each of 1,000,000 letters could become 1,000,000. */
export function replaceAll(text: string, wanted: string, other = ''): string | Refusal {
  if (wanted === '') return text;
  const parts = text.split(wanted);
  const length = text.length + (parts.length - 1) * (other.length - wanted.length);
  return length > longestText ? tooLong : parts.join(other);
}

export function joinList(items: JsonValue[], separator = ' '): string | Refusal {
  const texts: string[] = [];
  let length = 0;
  for (const item of items) {
    const text = asText(item);
    if (text instanceof Refusal) return text;
    texts.push(text);
    length += text.length + separator.length;
    if (length > longestText + separator.length) return tooLong;
  }
  return texts.join(separator);
}

/** Characters of a text, items of a list. */
export function sizeOf(value: JsonValue): number | Refusal {
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'object' && value !== null) return listRefusal(value);
  const text = asText(value);
  return text instanceof Refusal ? text : [...text].length;
}

function countOf(text: string): number | Refusal {
  const number = wholeNumber(text);
  if (number instanceof Refusal || number >= 0) return number;
  return new Refusal('not_a_number', `"${text}" is not a whole number from zero on`);
}

function wholeNumber(text: string): number | Refusal {
  const number = asNumber(text);
  if (number instanceof Refusal || Number.isSafeInteger(number)) return number;
  return new Refusal('not_a_number', `"${text}" is not a whole number`);
}
