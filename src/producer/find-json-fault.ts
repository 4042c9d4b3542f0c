/** The first place where a text stops being JSON; line and column from 1. */
export interface JsonFault {
  line: number;
  column: number;
  what: string;
}

type Token = { kind: 'string' | 'scalar' | Punctuation; end: number };
type Punctuation = '{' | '}' | '[' | ']' | ':' | ',';
type Expecting = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'nothing';

const SPACE = /[ \t\r\n]*/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Walks a text that `JSON.parse` has refused: the engine names a position only sometimes,
 * and differently in every version. Null where nothing is wrong.
 */
export function findJsonFault(text: string): JsonFault | null {
  const open: ('{' | '[')[] = [];
  let expecting: Expecting = 'value';
  let at = matchEnd(SPACE, text, 0) ?? 0;
  while (at < text.length) {
    const token = readToken(text, at);
    const next: Expecting | null = token === null ? null : step(expecting, token.kind, open);
    if (token === null || next === null) return faultAt(text, at, `unexpected ${shown(text, at)}`);
    expecting = next;
    at = matchEnd(SPACE, text, token.end) ?? token.end;
  }
  return expecting === 'nothing' ? null : faultAt(text, at, 'the text ends too early');
}

function readToken(text: string, at: number): Token | null {
  const character = text[at];
  switch (character) {
    case '{':
    case '}':
    case '[':
    case ']':
    case ':':
    case ',':
      return { kind: character, end: at + 1 };
    case '"': {
      const end = stringEnd(text, at);
      return end === null ? null : { kind: 'string', end };
    }
    default: {
      const end = matchEnd(SCALAR, text, at);
      return end === null ? null : { kind: 'scalar', end };
    }
  }
}

/** What may come after this token, or null where the token may not stand here. */
function step(expecting: Expecting, token: Token['kind'], open: ('{' | '[')[]): Expecting | null {
  switch (expecting) {
    case 'value':
      return beginValue(token, open);
    case 'value or ]':
      return token === ']' ? closed(open) : beginValue(token, open);
    case 'key':
      return token === 'string' ? ':' : null;
    case 'key or }':
      if (token === '}') return closed(open);
      return token === 'string' ? ':' : null;
    case ':':
      return token === ':' ? 'value' : null;
    case ', or end': {
      const isObject = open.at(-1) === '{';
      if (token === ',') return isObject ? 'key' : 'value';
      return token === (isObject ? '}' : ']') ? closed(open) : null;
    }
    case 'nothing':
      return null;
    default:
      return expecting satisfies never;
  }
}

function beginValue(token: Token['kind'], open: ('{' | '[')[]): Expecting | null {
  if (token === '{' || token === '[') {
    open.push(token);
    return token === '{' ? 'key or }' : 'value or ]';
  }
  if (token !== 'string' && token !== 'scalar') return null;
  return afterValue(open);
}

function closed(open: ('{' | '[')[]): Expecting {
  open.pop();
  return afterValue(open);
}

function afterValue(open: ('{' | '[')[]): Expecting {
  return open.length > 0 ? ', or end' : 'nothing';
}

/** Position after the closing quote; null for an open end, a bad escape or a bare control character. */
function stringEnd(text: string, start: number): number | null {
  let at = start + 1;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === '"') return at + 1;
    if (character < ' ') return null;
    const next = character === '\\' ? matchEnd(ESCAPE, text, at) : at + 1;
    if (next === null) return null;
    at = next;
  }
  return null;
}

function matchEnd(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

function faultAt(text: string, at: number, what: string): JsonFault {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: at - lineStart + 1, what };
}

function shown(text: string, at: number): string {
  const rest = /^"?[^\s,:{}[\]"]*/.exec(text.slice(at, at + 20))?.[0];
  return rest === undefined || rest === '' ? (text[at] ?? '') : rest;
}
