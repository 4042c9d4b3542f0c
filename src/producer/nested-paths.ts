import type { JsonValue } from '../shared/json.js';
import type { Row } from './row.js';

const DEEPEST = 4;
/** More than this helps nobody. */
const MOST_PATHS = 200;

/** The ways into a row's objects and lists, such as `product.title`; of a list, into its first item. */
export function nestedPaths(row: Row): string[] {
  const paths: string[] = [];
  for (const column of row.columns) walk(row.get(column), [column], paths);
  return paths;
}

function walk(value: JsonValue | undefined, path: string[], paths: string[]): void {
  if (paths.length >= MOST_PATHS) return;
  const isNested = typeof value === 'object' && value !== null;
  if (!isNested && path.length > 1) paths.push(path.join('.'));
  if (!isNested || path.length >= DEEPEST) return;
  const entries: [string, JsonValue][] = Object.entries(
    Array.isArray(value) ? value.slice(0, 1) : value,
  );
  for (const [key, inner] of entries) walk(inner, [...path, key], paths);
}

/** The path that ends with what was asked for: `product.title` for `title`. */
export function pathTo(wanted: string, paths: readonly string[]): string | undefined {
  const end = `.${wanted}`.toLowerCase();
  return paths.find((path) => path.toLowerCase().endsWith(end));
}
