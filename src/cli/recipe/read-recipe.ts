import { readFileSync } from 'node:fs';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { BatchError } from '../../shared/errors.js';
import { type Recipe, recipeSchema } from './recipe-schema.js';

type Path = readonly (string | number)[];

/** A recipe that fits its schema. */
export interface ReadRecipe {
  path: string;
  recipe: Recipe;
  /** The same with every scalar as it is written: `00123` and `1:1` are texts. */
  written: Recipe;
  /** `catalog.yaml, line 7`, for a fault of what stands at this path. */
  placeOf(path: Path): string;
}

/**
 * Reads YAML, and JSON with it.
 * @throws BatchError `bad_input` with a line for each fault
 */
export function readRecipe(path: string): ReadRecipe {
  const text = readText(path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  const placeOf = (at: Path) => `${path}, line ${lineOf(document, lines, at)}`;
  if (document.errors.length > 0) {
    const faults = document.errors.map(
      ({ message, linePos }) => `${path}, line ${linePos?.[0].line ?? 1}: ${firstLine(message)}`,
    );
    throw new BatchError('bad_input', faults.join('\n'));
  }
  const parsed = recipeSchema.safeParse(recipeIn(document, path));
  if (!parsed.success) {
    const faults = parsed.error.issues.flatMap((issue) => describeIssue(issue, placeOf));
    throw new BatchError('bad_input', faults.join('\n'));
  }
  const written = parseDocument(text, { schema: 'failsafe' }).toJS() ?? {};
  return { path, recipe: parsed.data, written: written as Recipe, placeOf };
}

/** Null is an empty file; anchors that refer to each other may not grow without end. */
function recipeIn(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const sentence = `${path}: its anchors are used too often, or one is not there.`;
    throw new BatchError('bad_input', sentence, { cause: error });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`;
    throw new BatchError('bad_input', `${path}: ${why}.`, { cause: error });
  }
}

function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

interface Issue {
  code: string;
  path: PropertyKey[];
  message: string;
  keys?: string[];
}

function describeIssue(issue: Issue, placeOf: (path: Path) => string): string[] {
  const path = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map(
      (key) => `${placeOf([...path, key])}: there is no setting "${[...path, key].join('.')}".`,
    );
  }
  const what = path.length === 0 ? 'A recipe' : path.join('.');
  return [`${placeOf(path)}: ${what}: ${issue.message}.`];
}

/** The rest shows the text around the fault, which the line number finds as well. */
function firstLine(message: string): string {
  return message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '.') ?? message;
}
