/**
 * What nobody sees and no `trim` takes away: zero-width characters, marks of direction, soft hyphens. They come with
 * text that was copied from web pages and chats.
 */
const invisible =
  '\\u00ad\\u034f\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff';
const unseen = new RegExp(`[\\s${invisible}]`);
const seen = new RegExp(`[^\\s${invisible}]`);
const allInvisible = new RegExp(`[${invisible}]`, 'g');

/** True for an empty cell, and for one that shows nothing. */
export function isBlank(text: string): boolean {
  return !seen.test(text);
}

/** Without anything at its ends that shows nothing: names of columns, ids, choices. */
export function trimCell(text: string): string {
  if (isPlainEnd(text, 0) && isPlainEnd(text, text.length - 1)) return text;
  const [begin, end] = seenPart(text);
  return begin === 0 && end === text.length ? text : text.slice(begin, end);
}

/**
 * A cell's text as it goes into a prompt: plain spaces and line ends stay as they are written, but an end with a
 * no-break space or something invisible in it is nobody's intention.
 */
export function cellText(text: string): string {
  if (isPlainEnd(text, 0) && isPlainEnd(text, text.length - 1)) return text;
  const [begin, end] = seenPart(text);
  const isOdd = (part: string) => /[^\t-\r ]/.test(part);
  return text.slice(
    isOdd(text.slice(0, begin)) ? begin : 0,
    isOdd(text.slice(end)) ? end : text.length,
  );
}

/** A name as it is compared: case, spaces, underscores, hyphens and what nobody sees tell nothing. */
export function spelling(name: string): string {
  return name
    .normalize('NFC')
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, '')
    .replaceAll(allInvisible, '');
}

/** Most cells begin and end with a letter or a digit: they need no further look. */
function isPlainEnd(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return Number.isNaN(code) || (code < 0x80 && code > 0x20);
}

function seenPart(text: string): [begin: number, end: number] {
  let begin = 0;
  let end = text.length;
  while (begin < end && unseen.test(text.charAt(begin))) begin++;
  while (end > begin && unseen.test(text.charAt(end - 1))) end--;
  return [begin, end];
}

/** As Excel, LibreOffice and Google Sheets write them, in the languages whose names we know. */
const errorValues: ReadonlySet<string> = new Set([
  ...['#N/A', '#REF!', '#VALUE!', '#DIV/0!', '#NAME?', '#NULL!', '#NUM!', '#ERROR!', '#SPILL!'],
  ...['#CALC!', '#FIELD!', '#BLOCKED!', '#CONNECT!', '#UNKNOWN!', '#BUSY!', '#GETTING_DATA'],
  ...['#NV', '#BEZUG!', '#WERT!', '#ZAHL!', '#ÜBERLAUF!', '#VALEUR!', '#NOM?', '#NOMBRE!'],
  ...[
    '#¡REF!',
    '#¡VALOR!',
    '#¡DIV/0!',
    '#¡NUM!',
    '#¿NOMBRE?',
    '#N/D',
    '#VALOR!',
    '#NOME?',
    '#NÚM!',
  ],
  ...['#RIF!', '#VALORE!', '#N/B', '#VERW!', '#WAARDE!', '#DEEL/0!', '#NAAM?', '#GETAL!'],
]);
const longestError = 14;

/** What programs write for "nothing"; a person may also mean it. */
const nothingWords: ReadonlySet<string> = new Set([
  ...['nan', 'null', 'none', 'undefined', '<na>', '\\n'],
]);

export type CellSuspicion = 'error_value' | 'nothing_word';

/** Whether a cell holds what a spreadsheet or a program put there in place of a value. */
export function suspectCell(text: string): CellSuspicion | null {
  // Nearly every cell is longer, and this is asked of each that is used.
  if (text.length > 2 * longestError) return null;
  const trimmed = trimCell(text);
  if (trimmed.length === 0 || trimmed.length > longestError) return null;
  if (/^(?:#|Err:\d{3}$)/.test(trimmed)) {
    const isError = trimmed.startsWith('E') || errorValues.has(trimmed.toUpperCase());
    if (isError) return 'error_value';
  }
  return nothingWords.has(trimmed.toLowerCase()) ? 'nothing_word' : null;
}
