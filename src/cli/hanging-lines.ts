import { stripVTControlCharacters } from 'node:util';
import wrap from 'wrap-ansi';

/** Narrower is not read any more: there a terminal may break lines where it likes. */
const narrowest = 20;
/** What is longer is read in a file; a sentence may repeat a cell that holds a book. */
const longest = 4_000;

/** A text behind a head, which goes on below itself where the line ends. */
export function hangingLines(head: string, text: string, width: number): string[] {
  const indent = ' '.repeat(stripVTControlCharacters(head).length);
  // A number stays with what it counts.
  const whole = (text.length > longest ? `${text.slice(0, longest)}…` : text).replace(
    /(\d) (?=[a-z])/g,
    '$1\u00a0',
  );
  return wrap(whole, Math.max(narrowest, width - indent.length))
    .replaceAll('\u00a0', ' ')
    .split('\n')
    .map((line, at) => `${at === 0 ? head : indent}${line}`);
}

/** Sentences in lines that fit; lines that begin with a space are no sentences, and stand as they are. */
export function wrapProse(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => (/^\s/.test(line) ? line : hangingLines('', line, width).join('\n')))
    .join('\n');
}
