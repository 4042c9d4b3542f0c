import { compile, type SelectorDefinition } from 'html-to-text';
import { Refusal } from './filter-values.js';

/** Without a cell's own `colspan`: a table of a billion empty columns would be built from it. */
const tableSelectors: SelectorDefinition[] = [
  { selector: 'table', format: 'block' },
  { selector: 'tr', format: 'block', options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
  { selector: 'th', format: 'inlineSurround', options: { suffix: ': ' } },
  { selector: 'td', format: 'inlineSurround', options: { suffix: ' ' } },
];

const oneLineBreak = { leadingLineBreaks: 1, trailingLineBreaks: 1 };

const readHtml = compile({
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
});

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
