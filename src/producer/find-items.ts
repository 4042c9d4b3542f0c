import { isJsonObject } from './own-fields.js';

export type FoundItems = { kind: 'found'; items: unknown[] } | { kind: 'refused'; reason: string };

/**
 * The list of briefs in a JSON file: where `path` leads, as in `data.products`; without one, the file itself, its
 * `briefs`, or its only list of objects, as the answer of a shop's API has it.
 */
export function findItems(file: unknown, path: string | null): FoundItems {
  if (path !== null) return itemsAt(file, path);
  if (Array.isArray(file)) return { kind: 'found', items: file };
  if (!isJsonObject(file)) return noList;
  if (Object.hasOwn(file, 'briefs')) {
    const { briefs } = file;
    // Members beside them would be passed over, whatever they were meant to do.
    const alone = Array.isArray(briefs) && Object.keys(file).length === 1;
    return alone ? { kind: 'found', items: briefs } : noList;
  }
  const lists = Object.entries(file).filter(([, value]) => isListOfObjects(value));
  const [only] = lists;
  if (only === undefined) return noList;
  if (lists.length === 1) return { kind: 'found', items: only[1] as unknown[] };
  const names = lists.map(([name]) => `--items ${name}`).join(' or ');
  return { kind: 'refused', reason: `holds several lists: say which with ${names}` };
}

const noList: FoundItems = {
  kind: 'refused',
  reason:
    'must be a list of briefs, or {"briefs":[...]} and nothing else, or name its list with --items',
};

function itemsAt(file: unknown, path: string): FoundItems {
  let value = file;
  for (const key of path.split('.')) {
    const inside = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    if (!inside) return { kind: 'refused', reason: `has nothing at --items ${path}: no "${key}"` };
    value = (value as Record<string, unknown>)[key];
  }
  return Array.isArray(value)
    ? { kind: 'found', items: value }
    : { kind: 'refused', reason: `has no list at --items ${path}` };
}

function isListOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isJsonObject);
}
