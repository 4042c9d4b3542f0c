import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import ts from 'typescript';
import { expect, it } from 'vitest';

/** All that meets texts of tables, files, people and the API, but for the API's own edge, which cuts them first. */
const folders = [
  'batch',
  'cli',
  'forecast',
  'ledger',
  'monitor',
  'producer',
  'results',
  'schedule',
  'shared',
  'store',
  'worker',
];

const characters = 4_000;
/** Steps back that the engine may take for each character: several for each of many alternatives, but no multiple of them all. */
const mostSteps = 100 * characters;

interface Expression {
  where: string;
  source: string;
  flags: string;
}

function expressionsIn(path: string): Expression[] {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const found: Expression[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      const [source, flags] = [node.text.slice(1, end), node.text.slice(end + 1)];
      found.push({ where: path, source, flags });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function allExpressions(): Expression[] {
  return folders.flatMap((folder) =>
    readdirSync(join('src', folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => expressionsIn(join('src', folder, name))),
  );
}

/** One sign of an expression, or one set of signs, that a quantifier follows. */
const repeatedSign =
  /(\\[pPk]\{[^}]*\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|[^\\()[\]|*+?{}^$])(?=[*+]|\{\d)/g;

/**
 * An expression that counts the engine's steps back, and finds nothing at all where they are too many; else it finds
 * the end of the text at the least. The engine does not count where a single sign is repeated, but does in a group.
 */
function counting({ source, flags }: Expression): RegExp {
  setFlagsFromString('--allow-natives-syntax');
  const make = new Function(
    'source',
    'flags',
    'steps',
    'return %NewRegExpWithBacktrackLimit(source, flags, steps)',
  );
  const grouped = /\\[1-9]/.test(source) ? source : source.replace(repeatedSign, '($1)');
  const begun = flags.includes('y') ? `^(?:${grouped})` : `(?:${grouped})`;
  return make(`${begun}|$(?![^])`, flags.replace(/[gy]/g, ''), mostSteps) as RegExp;
}

const signs = [
  'a',
  'é',
  '1',
  ' ',
  '\t',
  '\n',
  '.',
  '-',
  '_',
  '"',
  "'",
  '\\',
  '<',
  '>',
  '&',
  '?',
  '#',
  '@',
  '/',
  ':',
  ';',
  '=',
  '|',
  ',',
  '~',
  '[',
  '{',
  '}',
  '\0',
  '\ud800',
];
const words = [
  'http://',
  'https://a',
  '<a ',
  '<p>',
  '<!--',
  '&a',
  '//',
  '{{',
  '{%',
  '\\"',
  'a ',
  '1.',
  '1 ',
  ', ',
  'a=',
  '""',
  '\r\n',
  '../',
];
const ends = ['', 'x', '!', '\n', '"'];

/** Texts of one thing over and over, and then something else: what is slow for an expression with two ways to go on. */
function texts({ source }: Expression): string[] {
  const own = source.match(/[a-z]{2,}/gi) ?? [];
  return [...new Set([...signs, ...words, ...own])].flatMap((piece) => {
    const many = piece.repeat(Math.ceil(characters / piece.length));
    return ends.flatMap((end) => [many + end, `"${many}${end}`]);
  });
}

function slowTexts(expression: Expression): string[] {
  const counted = counting(expression);
  return texts(expression).filter((text) => counted.exec(text) === null);
}

it('no regular expression looks through a foreign text more often than its length allows', () => {
  // The measure itself: it can tell.
  expect(slowTexts({ where: '', source: '^\\d+\\.?\\d*$', flags: '' })).not.toEqual([]);
  expect(slowTexts({ where: '', source: '\\s+$', flags: 'g' })).not.toEqual([]);
  expect(slowTexts({ where: '', source: '^\\s*\\[', flags: '' })).toEqual([]);

  const expressions = allExpressions();
  expect(expressions.length).toBeGreaterThan(80);
  const slow = expressions.flatMap((expression) =>
    slowTexts(expression)
      .slice(0, 1)
      .map(
        (text) =>
          `${expression.where}: /${expression.source}/ on ${JSON.stringify(`${text.slice(0, 12)}...${text.slice(-3)}`)}`,
      ),
  );
  expect(slow).toEqual([]);
});
