import { compile, type HtmlToTextOptions, type SelectorDefinition } from 'html-to-text';
import { type FilterImplOptions, filters as liquidFilters } from 'liquidjs';
import type { JsonValue } from '../../shared/json.js';
import { isEmpty } from '../rows/compare.js';
import { nearNames } from '../rows/suggest-name.js';
import { decimal } from './read-literal.js';

/** Why a filter cannot take a value: a fault of the row. */
export class Refusal {
  constructor(
    readonly kind: 'wrong_type' | 'not_a_number' | 'body_too_large',
    readonly reason: string,
  ) {}
}

/** Characters: several times what a request can hold, and little enough for any row of a large file. */
export const longestText = 1_000_000;

export const tooLong = new Refusal(
  'body_too_large',
  `the text is longer than ${longestText} characters, which no request can hold`,
);

function listRefusal(value: object): Refusal {
  const what = Array.isArray(value) ? 'a list' : 'an object';
  return new Refusal('wrong_type', `${what} cannot be put into text`);
}

/** The text of a value; empty for none. */
export function asText(value: JsonValue): string | Refusal {
  if (typeof value === 'string') return value.length > longestText ? tooLong : value;
  if (value === null) return '';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'object') return listRefusal(value);
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return String(value);
  return new Refusal(
    'wrong_type',
    'the number is too large to be kept exactly: write it in quotes',
  );
}

/** Text is a list of one, and nothing is an empty list. */
function asList(value: JsonValue): JsonValue[] | Refusal {
  if (Array.isArray(value)) return value;
  if (value === null || value === '') return [];
  return typeof value === 'object' ? listRefusal(value) : [value];
}

function asNumber(value: JsonValue): number | Refusal {
  if (typeof value === 'number') return value;
  const text = asText(value);
  if (text instanceof Refusal) return text;
  const trimmed = text.trim();
  if (decimal.test(trimmed)) return Number(trimmed);
  const shown = trimmed.length > 40 ? `${trimmed.slice(0, 40)}...` : trimmed;
  return new Refusal('not_a_number', `"${shown}" is not a number`);
}

export interface TemplateFilter {
  /** Least and most values behind the colon. */
  takes: readonly [number, number];
  run(engine: unknown, value: JsonValue, given: JsonValue[]): JsonValue | Refusal;
}

type Takes = TemplateFilter['takes'];
type Run<Value, Given> = (value: Value, ...given: Given[]) => JsonValue | Refusal | undefined;

const none: Takes = [0, 0];
const one: Takes = [1, 1];

/** Pure functions of their values alone: no dates, nothing random, nothing that reads a file (S1). */
const filters: ReadonlyMap<string, TemplateFilter> = new Map([
  ['default', { takes: one, run: (_engine, value, [other]) => orDefault(value, other ?? null) }],
  ['strip', text(none, liquid('strip'))],
  ['trim', text(none, liquid('strip'))],
  ['lstrip', text(none, liquid('lstrip'))],
  ['rstrip', text(none, liquid('rstrip'))],
  ['strip_newlines', text(none, liquid('strip_newlines'))],
  ['strip_html', text(none, () => htmlToText)],
  ['upcase', text(none, liquid('upcase'))],
  ['upper', text(none, liquid('upcase'))],
  ['downcase', text(none, liquid('downcase'))],
  ['lower', text(none, liquid('downcase'))],
  ['capitalize', text(none, liquid('capitalize'))],
  ['title', text(none, () => titleCase)],
  ['truncate', text([0, 2], () => truncateText)],
  ['truncatewords', text([0, 2], liquid('truncatewords'))],
  ['slice', text([1, 2], () => sliceText)],
  ['replace', text([1, 2], () => replaceAll)],
  ['replace_first', text([1, 2], liquid('replace_first'))],
  ['remove', text(one, () => replaceAll)],
  ['remove_first', text(one, liquid('remove_first'))],
  ['append', text(one, liquid('append'))],
  ['prepend', text(one, liquid('prepend'))],
  ['split', text(one, liquid('split'))],
  ['url_encode', text(none, liquid('url_encode'))],
  ['slugify', text(none, liquid('slugify'))],
  ['first', list(none, liquid('first'))],
  ['last', list(none, liquid('last'))],
  ['join', list([0, 1], () => joinList)],
  ['reverse', list(none, liquid('reverse'))],
  ['uniq', list(none, liquid('uniq'))],
  ['compact', list(none, () => (items) => items.filter((item) => !isEmpty(item)))],
  ['size', { takes: none, run: (_engine, value) => sizeOf(value) }],
  ['plus', number(one, liquid('plus'))],
  ['minus', number(one, liquid('minus'))],
  ['times', number(one, liquid('times'))],
  ['divided_by', number(one, liquid('divided_by'))],
  ['round', number([0, 1], liquid('round'))],
  ['ceil', number(none, liquid('ceil'))],
  ['floor', number(none, liquid('floor'))],
]);

export function filterNamed(name: string): TemplateFilter | null {
  return filters.get(name) ?? null;
}

export function allFilters(): Iterable<[string, TemplateFilter]> {
  return filters;
}

/** The end of a sentence about something that was written behind a `|`. */
export function unknownFilter(name: string): string {
  const [near] = nearNames(name, [...filters.keys()]);
  return `there is no filter "${name}"${near === undefined ? '' : `; the nearest is "${near}"`}`;
}

function orDefault(value: JsonValue, other: JsonValue): JsonValue {
  return isEmpty(value) ? other : value;
}

/** A filter of the engine's own, which finds its limits in the engine's context. */
function liquid(name: keyof typeof liquidFilters & string) {
  const handler = (liquidFilters as Record<string, FilterImplOptions>)[name];
  if (typeof handler !== 'function') throw new TypeError(`the engine has no filter ${name}`);
  return (engine: unknown) =>
    (...values: JsonValue[]) =>
      handler.apply(
        engine as ThisParameterType<typeof handler>,
        values as [JsonValue],
      ) as JsonValue;
}

function text(takes: Takes, make: (engine: unknown) => Run<string, string>): TemplateFilter {
  return typed(takes, asText, asText, make);
}

function list(takes: Takes, make: (engine: unknown) => Run<JsonValue[], string>): TemplateFilter {
  return typed(takes, asList, asText, make);
}

function number(takes: Takes, make: (engine: unknown) => Run<number, number>): TemplateFilter {
  const checked: typeof make =
    (engine) =>
    (value, ...given) => {
      const result = make(engine)(value, ...given);
      if (typeof result !== 'number' || Number.isFinite(result)) return result;
      return new Refusal('not_a_number', 'the result is not a number');
    };
  return typed(takes, asNumber, asNumber, checked);
}

function typed<Value, Given>(
  takes: Takes,
  asValue: (value: JsonValue) => Value | Refusal,
  asGiven: (value: JsonValue) => Given | Refusal,
  make: (engine: unknown) => Run<Value, Given>,
): TemplateFilter {
  return {
    takes,
    run(engine, value, given) {
      const taken = asValue(value);
      if (taken instanceof Refusal) return taken;
      const others: Given[] = [];
      for (const one of given) {
        const other = asGiven(one);
        if (other instanceof Refusal) return other;
        others.push(other);
      }
      return make(engine)(taken, ...others) ?? null;
    },
  };
}

const word = /[\p{L}\p{N}][\p{L}\p{M}\p{N}'’]*/gu;

/** `STONEWARE mug` -> `Stoneware Mug`. */
function titleCase(text: string): string {
  return text.replace(word, (found) => {
    const [first = '', ...others] = found;
    return first.toUpperCase() + others.join('').toLowerCase();
  });
}

/** By characters as a person counts them, the ellipsis among them; the engine's own cuts an emoji in two. */
function truncateText(text: string, length = '50', ellipsis = '...'): string | Refusal {
  const most = countOf(length);
  if (most instanceof Refusal || text.length <= most) return most instanceof Refusal ? most : text;
  const characters = [...text];
  if (characters.length <= most) return text;
  const kept = Math.max(0, most - [...ellipsis].length);
  return characters.slice(0, kept).join('') + ellipsis;
}

/** From the end where `from` is below zero. */
function sliceText(text: string, from: string, length = '1'): string | Refusal {
  const begin = wholeNumber(from);
  const count = countOf(length);
  if (begin instanceof Refusal) return begin;
  if (count instanceof Refusal) return count;
  const characters = [...text];
  const start = begin < 0 ? characters.length + begin : begin;
  return start < 0 ? '' : characters.slice(start, start + count).join('');
}

/** What comes out is counted before it is made: each of 1,000,000 letters could become 1,000,000. */
function replaceAll(text: string, wanted: string, other = ''): string | Refusal {
  if (wanted === '') return text;
  const parts = text.split(wanted);
  const length = text.length + (parts.length - 1) * (other.length - wanted.length);
  return length > longestText ? tooLong : parts.join(other);
}

function joinList(items: JsonValue[], separator = ' '): string | Refusal {
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
function sizeOf(value: JsonValue): number | Refusal {
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

/** Without a cell's own `colspan`: a table of a billion empty columns would be built from it. */
const tableSelectors: SelectorDefinition[] = [
  { selector: 'table', format: 'block' },
  { selector: 'tr', format: 'block', options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
  { selector: 'th', format: 'inlineSurround', options: { suffix: ': ' } },
  { selector: 'td', format: 'inlineSurround', options: { suffix: ' ' } },
];

const oneLineBreak = { leadingLineBreaks: 1, trailingLineBreaks: 1 };

const reading: HtmlToTextOptions = {
  wordwrap: false,
  // What stands deeper is left out: reading it would take the stack of the process.
  limits: { maxDepth: 100 },
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    ...['img', 'script', 'style', 'noscript', 'iframe', 'head', 'hr'].map((selector) => ({
      selector,
      format: 'skip',
    })),
    { selector: 'p', options: oneLineBreak },
    { selector: 'ol', options: oneLineBreak },
    { selector: 'ul', options: { ...oneLineBreak, itemPrefix: '- ' } },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({
      selector,
      options: { ...oneLineBreak, uppercase: false },
    })),
    ...tableSelectors,
  ],
};

let reader: ReturnType<typeof compile> | undefined;

/** Made with the first HTML: making it takes a tenth of a second, which most commands need not spend. */
function readHtml(html: string): string {
  reader ??= compile(reading);
  return reader(html);
}

/** Nesting makes the time grow with the square of the length; no description is as long as this. */
const longestHtml = 100_000;
const htmlTooLong = new Refusal(
  'body_too_large',
  `HTML longer than ${longestHtml} characters is not made into text`,
);

/** How elements begin that a description has: `5 <b` and `<lora:lamp:0.8>` are none, and stay as they are. */
const element =
  /<\/?(?:a|abbr|article|b|big|blockquote|br|center|code|dd|div|dl|dt|em|figcaption|figure|font|h[1-6]|hr|i|iframe|img|ins|li|mark|meta|ol|p|pre|q|s|script|section|small|span|strike|strong|style|sub|sup|table|tbody|td|tfoot|th|thead|tr|u|ul|video)(?:\s|\/?>)/i;
const entity = /&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});/gi;

/** HTML as a person reads it: entities decoded, a list's items on lines of their own. Plain text stays as it is. */
export function htmlToText(text: string): string | Refusal {
  if (!text.includes('<') && !text.includes('&')) return text;
  if (text.length > longestHtml) return htmlTooLong;
  if (!isHtml(text)) return text.replace(entity, decode);
  return withPlainSpaces(readHtml(text))
    .replace(/(?<![ \t])[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** Behind the last `>` no element ends; before it, one that has begun does. */
function isHtml(text: string): boolean {
  return text.includes('<!--') || element.test(text.slice(0, text.lastIndexOf('>') + 1));
}

/** One that HTML does not know is given back as it was. */
function decode(entity: string): string {
  return entity === '&nbsp;' ? ' ' : withPlainSpaces(readHtml(entity)) || entity;
}

function withPlainSpaces(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}
