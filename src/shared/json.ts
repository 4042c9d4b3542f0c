import type { z } from 'zod';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | JsonValue[]
  | { [key: string]: JsonValue };

export type JsonObject = { [key: string]: JsonValue };

/** Levels; more are no brief's, and to walk or to write them takes the stack of the process. */
const deepest = 100;

/** Whether a value is nested deeper than anything of ours goes; looked at level by level, without recursion. */
export function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepest) return true;
    level = level.flatMap((one) =>
      typeof one === 'object' && one !== null
        ? Object.values(one).filter((inner) => typeof inner === 'object')
        : [],
    );
  }
  return false;
}

/** Undefined for what is no JSON, and for what is nested too deep to be worked with. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isTooDeep(value) ? undefined : value;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** JSON with sorted keys: equal values give equal text, whatever order a spreadsheet or a file had. */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as JsonValue)}`);
  return `{${members.join(',')}}`;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'names with values',
  record: 'names with values',
};

/** What is wrong with a value, behind its name; in words that know nothing of schemas. */
export function faultOfIssue(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}`;
    case 'too_small':
      if (issue.origin === 'array') return 'must be a list that is not empty';
      if (issue.origin === 'string') return 'must not be empty';
      return `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_union': {
      const ways = issue.errors.flatMap(([first]) => (first ? [faultOfIssue(first)] : []));
      return `must be ${ways.map((way) => way.replace(/^must be /, '')).join(' or ')}`;
    }
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.map(faultOfIssue).join(', and ');
    default:
      return issue.message;
  }
}

/** The first of them, behind the path of its value. */
export function firstFault({ issues: [issue] }: z.core.$ZodError): string {
  if (issue === undefined) return 'it is not as it should be';
  return `${issue.path.join('.') || 'it'} ${faultOfIssue(issue)}`;
}
