import { useMemo, useState } from 'preact/hooks';
import { grouped } from '../../shared/quantities.js';
import { type BriefQuery, countFacets, type Facet } from '../find-briefs.js';
import type { ReviewBrief } from '../review-brief.js';
import { facetName, valueText } from './words.js';

/** Always there; the others where briefs differ in them. */
const mainFacets: readonly Facet[] = ['decision', 'status'];
const otherFacets: readonly Facet[] = ['kind', 'output', 'model', 'code', 'run'];
/** Of a column with more values, these are listed, and the others are searched for. */
const mostValues = 12;

/** @param toggle takes a value into the query, or out of it */
export function Filters({
  briefs,
  columns,
  query,
  version,
  toggle,
  clear,
}: {
  briefs: readonly ReviewBrief[];
  columns: readonly string[];
  query: BriefQuery;
  version: number;
  toggle(facet: Facet, value: string): void;
  clear(facet: Facet): void;
}) {
  const [added, setAdded] = useState<Facet[]>([]);
  const inQuery = [...query.facets.keys()].filter((facet) => facet.startsWith('column:'));
  const shownColumns = [...new Set([...inQuery, ...added])];
  const choosable = columns.filter((column) => !shownColumns.includes(`column:${column}`));
  const facets = [...mainFacets, ...otherFacets, ...shownColumns];
  const counts = useMemo(
    () => countFacets(briefs, query, facets),
    [briefs, query, version, shownColumns.length],
  );
  return (
    <div class="filters">
      {facets.map((facet) => (
        <FacetGroup
          key={facet}
          facet={facet}
          counts={counts.get(facet) ?? new Map()}
          chosen={query.facets.get(facet)}
          isAlwaysThere={mainFacets.includes(facet) || facet.startsWith('column:')}
          toggle={toggle}
          clear={clear}
        />
      ))}
      {choosable.length > 0 && (
        <label class="add-column">
          <span>Filter by a column</span>
          <select
            value=""
            onChange={({ currentTarget }) => {
              const { value } = currentTarget;
              if (value !== '') setAdded([...added, `column:${value}`]);
              currentTarget.value = '';
            }}
          >
            <option value="">Choose…</option>
            {choosable.map((column) => (
              <option key={column} value={column}>
                {column}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}

function FacetGroup({
  facet,
  counts,
  chosen,
  isAlwaysThere,
  toggle,
  clear,
}: {
  facet: Facet;
  counts: ReadonlyMap<string, number>;
  chosen: ReadonlySet<string> | undefined;
  isAlwaysThere: boolean;
  toggle(facet: Facet, value: string): void;
  clear(facet: Facet): void;
}) {
  const [search, setSearch] = useState('');
  const values = arranged(facet, counts);
  if (!isAlwaysThere && counts.size < 2 && chosen === undefined) return null;
  const wanted = search.trim().toLowerCase();
  const matching = values.filter(
    ([value]) => wanted === '' || valueText(facet, value).toLowerCase().includes(wanted),
  );
  const shown = matching.filter(([value], index) => index < mostValues || chosen?.has(value));
  const name = facetName(facet);
  return (
    <fieldset class="facet">
      <legend>
        <span>{name}</span>
        {chosen !== undefined && chosen.size > 0 && (
          <button
            type="button"
            class="link"
            aria-label={`Any ${name}`}
            onClick={() => clear(facet)}
          >
            Any
          </button>
        )}
      </legend>
      {values.length > mostValues && (
        <input
          type="search"
          placeholder={`Find in ${grouped(values.length)} values`}
          aria-label={`Find a value of ${name}`}
          value={search}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
      )}
      {shown.map(([value, count]) => (
        <label key={value} class="choice" data-none={count === 0 ? '' : undefined}>
          <input
            type="checkbox"
            checked={chosen?.has(value) ?? false}
            onChange={() => toggle(facet, value)}
          />
          {facet === 'decision' && <span class={`dot dot-${value}`} />}
          <span class="choice-name" title={valueText(facet, value)}>
            {valueText(facet, value)}
          </span>
          <span class="count">{grouped(count)}</span>
        </label>
      ))}
      {matching.length > shown.length && (
        <p class="quiet more">{`and ${grouped(matching.length - shown.length)} more`}</p>
      )}
    </fieldset>
  );
}

const fixedOrder: Readonly<Partial<Record<Facet, readonly string[]>>> = {
  status: ['succeeded', 'failed', 'unknown', 'cancelled'],
  decision: ['undecided', 'approved', 'again', 'rejected', 'none'],
};

/** Of our own words always all that may be, so that nothing moves while one decides. */
function arranged(facet: Facet, counts: ReadonlyMap<string, number>): [string, number][] {
  const order = fixedOrder[facet];
  if (order !== undefined) {
    const isUsual = (value: string) => facet === 'decision' && value !== 'none';
    return order
      .filter((value) => counts.has(value) || isUsual(value))
      .map((value) => [value, counts.get(value) ?? 0]);
  }
  return [...counts].sort(([left, a], [right, b]) => b - a || (left < right ? -1 : 1));
}
