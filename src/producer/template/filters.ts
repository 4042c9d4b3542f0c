import { type FilterImplOptions, filters as liquidFilters } from 'liquidjs';
import type { JsonValue } from '../../shared/json.js';
import { isBlank } from '../cell-text.js';
import { nearNames } from '../suggest-name.js';
import { asList, asNumber, asText, Refusal } from './filter-values.js';
import { htmlToText } from './html-text.js';
import { joinList, replaceAll, sizeOf, sliceText, titleCase, truncateText } from './own-filters.js';

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
  ['compact', list(none, () => (items) => items.filter((item) => !isEmptyValue(item)))],
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

/** Empty is what a person sees as empty: nothing, only spaces, a list of nothing. */
export function isEmptyValue(value: JsonValue): boolean {
  if (typeof value === 'string') return isBlank(value);
  return value === null || (Array.isArray(value) && value.length === 0);
}

function orDefault(value: JsonValue, other: JsonValue): JsonValue {
  return isEmptyValue(value) ? other : value;
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
