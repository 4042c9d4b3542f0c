import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Verdict } from '../../ledger/result-ledger.js';
import { counted, grouped } from '../../shared/quantities.js';
import {
  anyBrief,
  type BriefQuery,
  briefMatcher,
  type Facet,
  findBriefs,
  queryParams,
  type Sorting,
  sortings,
} from '../find-briefs.js';
import { briefsPerPage, type ReviewBrief, type ReviewData } from '../review-brief.js';
import { densities, type PageState, readAddress, type View, writeAddress } from './address.js';
import { Desk, isDecidable, type PageDecision, type Saying } from './desk.js';
import { Detail, isInField, isTyping, type Side } from './detail.js';
import { FailuresView } from './failures.js';
import { Filters } from './filters.js';
import { Grid, type GridActions } from './grid.js';
import { HandOver, KeysHelp } from './hand-over.js';
import { useDesk, useLatest, useTheme, useUnsaved } from './hooks.js';
import { Icon } from './icons.js';
import { SelectionBar } from './selection-bar.js';
import type { ReviewSource } from './source.js';
import { Toasts, useToasts } from './toasts.js';
import { TopBar } from './top-bar.js';
import { TotalsTab } from './totals-tab.js';
import { facetName, sortingNames, valueText, verdictWords } from './words.js';

/** The whole page, over the briefs that were loaded. */
export function App({ source, first }: { source: ReviewSource; first: ReviewData }) {
  const [data, setData] = useState(first);
  const desk = useMemo(() => new Desk(data.briefs), [data]);
  const version = useDesk(desk);
  const [state, setState] = useState<PageState>(() => readAddress(location.hash));
  const { view, query, density, open } = state;
  const [active, setActive] = useState(0);
  const [focusActive, setFocusActive] = useState(0);
  const [selected, setSelected] = useState<ReadonlySet<ReviewBrief>>(new Set());
  const [anchor, setAnchor] = useState(0);
  const [side, setSide] = useState<Side>('alone');
  const [dialog, setDialog] = useState<'hand-over' | 'keys' | null>(null);
  const [filtersOpen, setFiltersOpen] = useState(false);
  const { toasts, tell } = useToasts();
  const theme = useTheme();
  const unsaved = useUnsaved(source.unsaved);
  const columnsInGrid = useRef(1);
  const notes = useRef(new Map<string, string>()).current;
  const searchField = useRef<HTMLInputElement>(null);
  const opener = useRef<string | null>(null);

  // A query may find no more than a page of a batch that has many.
  const isPaged = source.kind === 'served' && data.total > briefsPerPage;
  // Found once for a query: what one decides stays where it is until one looks anew.
  const [lookedAnew, lookAnew] = useState(0);
  const found = useMemo(
    () => (isPaged ? [...data.briefs] : findBriefs(data.briefs, query)),
    [data, query, isPaged, lookedAnew],
  );
  const positions = useMemo(() => new Map(found.map((brief, at) => [brief, at])), [found]);
  const gone = useMemo(() => {
    if (!query.facets.has('decision')) return 0;
    const isFound = briefMatcher(query);
    return found.reduce((count, brief) => count + (isFound(brief) ? 0 : 1), 0);
  }, [found, query, version]);

  const openBrief = open === null ? null : desk.brief(open);
  const openAt = openBrief === null ? undefined : positions.get(openBrief);

  /** `push`: the browser's own way back leads to what was before. */
  const go = useCallback((change: Partial<PageState>, push = false) => {
    setState((now) => {
      const next = { ...now, ...change };
      const address = writeAddress(next);
      if (push) history.pushState(null, '', address);
      else history.replaceState(null, '', address);
      return next;
    });
  }, []);

  useEffect(() => {
    const change = () => setState(readAddress(location.hash));
    addEventListener('popstate', change);
    return () => removeEventListener('popstate', change);
  }, []);

  useEffect(() => {
    document.title = `${data.batch}${data.simulated ? ' (SIMULATED)' : ''}: review`;
  }, [data]);

  // A served batch of many pages is searched by the server.
  const asked = `${state.page} ${isPaged ? queryParams(query) : ''}`;
  const answered = useRef(asked);
  useEffect(() => {
    if (source.kind !== 'served' || asked === answered.current) return;
    const timer = setTimeout(load, 250);
    return () => clearTimeout(timer);
  }, [asked]);

  // Another list: what was chosen in the old one is not there any more.
  useLayoutEffect(() => {
    setActive(0);
    setAnchor(0);
    setSelected(new Set());
  }, [found]);

  const [news, setNews] = useState(0);
  const load = async () => {
    try {
      const next = await source.load(state.page, isPaged ? queryParams(query) : anyQuery);
      answered.current = asked;
      setNews(0);
      setData(next);
    } catch (error) {
      tell(`The briefs could not be loaded: ${messageOf(error)}`, 'bad');
    }
  };
  const heardLines = useLatest((lines: number, anew: boolean) => {
    if (anew || lines > data.total + data.unreadable) setNews(Math.max(1, lines - data.total));
  });
  const heard = useLatest((decisions: PageDecision[]) => {
    const conflicts = desk.take(decisions, source.kind === 'served' ? 'as_told' : 'by_time');
    for (const { brief, mine, theirs } of conflicts) {
      tell(
        `${brief.id}: somebody else said “${valueText('decision', theirs)}” after your “${valueText('decision', mine)}”. The last word counts.`,
        'bad',
      );
    }
  });
  useEffect(
    () =>
      source.listen(data, {
        decisions: (decisions) => heard.current(decisions),
        lines: (lines, anew) => heardLines.current(lines, anew),
      }),
    [source, data],
  );

  const keep = useCallback(
    async (decisions: readonly PageDecision[]) => {
      if (decisions.length === 0) return;
      const notTaken = await source.keep(decisions);
      if (notTaken.length === 0) return;
      desk.revert(notTaken.map(({ decision }) => decision));
      const [one] = notTaken;
      const who =
        notTaken.length === 1 ? one?.decision.brief_id : counted(notTaken.length, 'decision');
      tell(`Not kept: ${who}. ${one?.reason ?? ''}`, 'bad');
    },
    [desk, source],
  );

  const say = (briefs: readonly ReviewBrief[], saying: Saying): boolean => {
    const decidable = briefs.filter(isDecidable);
    if (!data.canDecide) {
      tell('Decisions are not taken here.', 'bad');
      return false;
    }
    if (decidable.length === 0) {
      tell(
        briefs.length === 1 ? 'There is no file to decide on.' : 'None of them has a file.',
        'bad',
      );
      return false;
    }
    const decisions = desk.decide(decidable, saying, new Date());
    void keep(decisions);
    return true;
  };

  const saySelected = (saying: Saying) => {
    const briefs = [...selected];
    if (!say(briefs, saying)) return;
    const done = saying.decision === 'undecided' ? 'Undecided' : verdictWords[saying.decision].done;
    tell(`${done}: ${counted(briefs.filter(isDecidable).length, 'brief')}`);
    setSelected(new Set());
  };

  const undo = () => {
    const { briefs, decisions } = desk.undo(new Date());
    const [one] = briefs;
    if (one === undefined) {
      tell('There is nothing to undo.');
      return;
    }
    void keep(decisions);
    tell(
      briefs.length === 1
        ? `Taken back: ${one.id}`
        : `Taken back: ${counted(briefs.length, 'brief')}`,
    );
    const at = positions.get(one);
    if (briefs.length > 1 || at === undefined) return;
    if (openBrief !== null) go({ open: one.id });
    activate(at);
  };

  const activate = (position: number) => setActive(position);
  const moveTo = (position: number) => {
    const next = Math.max(0, Math.min(found.length - 1, position));
    setActive(next);
    setAnchor(next);
    setFocusActive((count) => count + 1);
  };

  const openAtPosition = (position: number) => {
    const brief = found[position];
    if (brief === undefined) return;
    activate(position);
    opener.current = brief.id;
    go({ open: brief.id }, true);
  };
  const close = () => {
    go({ open: null });
    if (openAt !== undefined) moveTo(openAt);
  };
  const show = (brief: ReviewBrief) => {
    go({ open: brief.id }, openBrief === null);
    const at = positions.get(brief);
    if (at !== undefined) activate(at);
  };
  const moveOpen = (by: number) => {
    const brief = openAt === undefined ? undefined : found[openAt + by];
    if (brief !== undefined) show(brief);
  };

  const nextUndecided = () => {
    const from = (openAt ?? active) + 1;
    const isOpen = (brief: ReviewBrief) => isDecidable(brief) && brief.decision === null;
    const behind = found.findIndex((brief, at) => at >= from && isOpen(brief));
    const at = behind >= 0 ? behind : found.findIndex(isOpen);
    const brief = found[at];
    if (brief === undefined) {
      tell(
        found.length === data.briefs.length
          ? 'Everything is decided.'
          : 'Everything found is decided.',
      );
    } else if (openBrief !== null) show(brief);
    else moveTo(at);
  };

  /** What has no file would stop whoever decides on one after the other. */
  const afterDecided = (position: number): number => {
    const next = found.findIndex((brief, at) => at > position && isDecidable(brief));
    return next < 0 ? position : next;
  };

  const select = (position: number, how: 'toggle' | 'range') => {
    const brief = found[position];
    if (brief === undefined) return;
    const next = new Set(selected);
    if (how === 'range') {
      const [from, to] = anchor < position ? [anchor, position] : [position, anchor];
      for (const one of found.slice(from, to + 1)) if (isDecidable(one)) next.add(one);
    } else if (!next.delete(brief) && isDecidable(brief)) next.add(brief);
    if (how === 'toggle') setAnchor(position);
    setActive(position);
    setSelected(next);
  };
  const selectAll = () => setSelected(new Set(found.filter(isDecidable)));

  const decideByKey = (verdict: Verdict) => {
    const note = (brief: ReviewBrief) => {
      const written = notes.get(brief.id)?.trim();
      return brief.decision?.note ?? (written ? written : null);
    };
    if (openBrief !== null) {
      const prompt = verdict === 'again' ? (openBrief.decision?.prompt ?? null) : null;
      sayOpen(openBrief, { decision: verdict, note: note(openBrief), prompt }, verdict !== 'again');
    } else if (selected.size > 0) saySelected({ decision: verdict, note: null, prompt: null });
    else {
      const brief = found[active];
      if (brief === undefined) return;
      const prompt = verdict === 'again' ? (brief.decision?.prompt ?? null) : null;
      if (say([brief], { decision: verdict, note: note(brief), prompt }))
        moveTo(afterDecided(active));
    }
  };
  const sayOpen = (brief: ReviewBrief, saying: Saying, goOn: boolean) => {
    if (!say([brief], saying)) return;
    if (saying.decision === 'undecided') notes.delete(brief.id);
    const next = openAt === undefined ? undefined : found[afterDecided(openAt)];
    if (goOn && next !== undefined) show(next);
  };

  const press = useLatest((event: KeyboardEvent) => {
    if (event.defaultPrevented || dialog !== null) return;
    const inResults = view === 'results';
    if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      if (isInField(event) || openBrief !== null || !inResults) return;
      event.preventDefault();
      selectAll();
      return;
    }
    if (isTyping(event)) return;
    const act = keyAction(event, inResults || openBrief !== null);
    if (act === null) return;
    event.preventDefault();
    act();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => press.current(event);
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);

  function keyAction({ key }: KeyboardEvent, hasBriefs: boolean): (() => void) | null {
    switch (key) {
      case '?':
        return () => setDialog('keys');
      case 'u':
        return undo;
      case '/':
        return openBrief === null ? focusSearch : null;
      case 'Escape':
        return selected.size > 0 && openBrief === null ? () => setSelected(new Set()) : null;
      default:
        return hasBriefs ? briefKey(key) : null;
    }
  }

  function briefKey(key: string): (() => void) | null {
    const across = columnsInGrid.current;
    const isOpen = openBrief !== null;
    switch (key) {
      case 'a':
        return () => decideByKey('approved');
      case 'r':
        return () => decideByKey('rejected');
      case 'g':
        return () => decideByKey('again');
      case 'n':
        return nextUndecided;
      case 'x':
        return isOpen ? null : () => select(active, 'toggle');
      case 'ArrowRight':
        return () => (isOpen ? moveOpen(1) : moveTo(active + 1));
      case 'ArrowLeft':
        return () => (isOpen ? moveOpen(-1) : moveTo(active - 1));
      case 'ArrowDown':
        return isOpen
          ? null
          : () => moveTo(active + across < found.length ? active + across : active);
      case 'ArrowUp':
        return isOpen ? null : () => moveTo(active - across >= 0 ? active - across : active);
      case 'Home':
        return isOpen ? null : () => moveTo(0);
      case 'End':
        return isOpen ? null : () => moveTo(found.length - 1);
      default:
        return null;
    }
  }

  function focusSearch() {
    if (view !== 'results') go({ view: 'results' });
    setFiltersOpen(true);
    requestAnimationFrame(() => searchField.current?.focus());
  }

  const latest = useLatest({ openAtPosition, activate, select, say });
  // The same for as long as the page lives: cards are drawn anew only where something has changed.
  const gridActions = useMemo<GridActions>(
    () => ({
      open: (position) => latest.current.openAtPosition(position),
      activate: (position) => latest.current.activate(position),
      select: (position, how) => latest.current.select(position, how),
      decide: (brief, verdict) => {
        const known = brief.decision;
        const saying: Saying =
          known?.decision === verdict
            ? { decision: 'undecided', note: null, prompt: null }
            : { decision: verdict, note: known?.note ?? null, prompt: null };
        latest.current.say([brief], saying);
      },
    }),
    [],
  );
  const columnsChanged = useCallback((columns: number) => {
    columnsInGrid.current = columns;
  }, []);

  const changeQuery = (change: Partial<BriefQuery>) =>
    go({ query: { ...query, ...change }, page: isPaged ? 1 : state.page });
  const toggleFacet = (facet: Facet, value: string) => {
    const values = new Set(query.facets.get(facet));
    if (!values.delete(value)) values.add(value);
    const facets = new Map(query.facets);
    if (values.size === 0) facets.delete(facet);
    else facets.set(facet, values);
    changeQuery({ facets });
  };
  const clearFacet = (facet: Facet) => {
    const facets = new Map(query.facets);
    facets.delete(facet);
    changeQuery({ facets });
  };

  const counts = desk.counts();
  const failed = useMemo(
    () => data.briefs.filter(({ status }) => status !== 'succeeded').length,
    [data],
  );
  const folder = source.folder(data);
  const chips = [...query.facets].flatMap(([facet, values]) =>
    [...values].map((value) => ({ facet, value })),
  );

  return (
    <div
      class="app"
      data-filters={filtersOpen ? '' : undefined}
      data-only-shown={data.canDecide ? undefined : ''}
    >
      <TopBar
        data={data}
        view={view}
        counts={counts}
        failed={failed}
        unsaved={unsaved}
        isDark={theme.isDark}
        setView={(next: View) => go({ view: next })}
        toggleTheme={theme.toggle}
        showKeys={() => setDialog('keys')}
        handOver={() => setDialog('hand-over')}
      />
      {view === 'results' && (
        <div class="results">
          <aside class="side" aria-label="Search and filters">
            <div class="search">
              <Icon name="search" />
              <input
                ref={searchField}
                type="search"
                aria-label="Search ids, prompts and columns"
                placeholder="Search"
                value={query.text}
                onInput={({ currentTarget }) => changeQuery({ text: currentTarget.value })}
                onKeyDown={(event) => {
                  if (event.key === 'Escape' || event.key === 'Enter') {
                    event.currentTarget.blur();
                    moveTo(0);
                  }
                }}
              />
            </div>
            <Filters
              briefs={data.briefs}
              columns={data.columns}
              query={query}
              version={version}
              toggle={toggleFacet}
              clear={clearFacet}
            />
            <button type="button" class="primary side-done" onClick={() => setFiltersOpen(false)}>
              {`Show ${counted(isPaged ? data.matching : found.length, 'brief')}`}
            </button>
          </aside>
          <main class="list">
            <div class="toolbar">
              <button
                type="button"
                class="filters-button"
                aria-expanded={filtersOpen}
                onClick={() => setFiltersOpen(!filtersOpen)}
              >
                <Icon name="filter" />
                Filter{chips.length > 0 && ` (${chips.length})`}
              </button>
              <h1 class="found" aria-live="polite">
                {foundText(found.length, data)}
              </h1>
              {news > 0 && (
                <button type="button" class="link" onClick={load}>
                  There are new results: show them
                </button>
              )}
              {gone > 0 && (
                <button type="button" class="link" onClick={() => lookAnew(lookedAnew + 1)}>
                  {`${grouped(gone)} decided since: look again`}
                </button>
              )}
              <div class="toolbar-end">
                <button
                  type="button"
                  class="next-undecided"
                  title="Next undecided (N)"
                  onClick={nextUndecided}
                >
                  Next undecided
                </button>
                <label class="sorting">
                  <span class="sr-only">Sort</span>
                  <select
                    value={query.sort}
                    onChange={({ currentTarget }) =>
                      changeQuery({ sort: currentTarget.value as Sorting })
                    }
                  >
                    {sortings.map((sort) => (
                      <option key={sort} value={sort}>
                        {sortingNames[sort]}
                      </option>
                    ))}
                  </select>
                </label>
                <fieldset class="segments" aria-label="Size of pictures">
                  {densities.map((one) => (
                    <button
                      key={one}
                      type="button"
                      aria-label={`${one} pictures`}
                      title={`${one} pictures`}
                      aria-pressed={density === one}
                      onClick={() => go({ density: one })}
                    >
                      <Icon name={one} />
                    </button>
                  ))}
                </fieldset>
              </div>
            </div>
            {(chips.length > 0 || query.text !== '') && (
              <div class="chips">
                {query.text !== '' && (
                  <button type="button" class="chip" onClick={() => changeQuery({ text: '' })}>
                    {`“${query.text}”`} <Icon name="close" />
                    <span class="sr-only">, take away</span>
                  </button>
                )}
                {chips.map(({ facet, value }) => (
                  <button
                    key={`${facet} ${value}`}
                    type="button"
                    class="chip"
                    onClick={() => toggleFacet(facet, value)}
                  >
                    {`${facetName(facet)}: ${valueText(facet, value)}`} <Icon name="close" />
                    <span class="sr-only">, take away</span>
                  </button>
                ))}
                <button
                  type="button"
                  class="link"
                  onClick={() => go({ query: { ...anyBrief, sort: query.sort } })}
                >
                  Clear all
                </button>
              </div>
            )}
            {found.length === 0 ? (
              <div class="empty">
                <Icon name="search" />
                <h2>{data.total === 0 ? 'There are no results yet' : 'Nothing is found'}</h2>
                <p>
                  {data.total === 0
                    ? 'Briefs stand here as they end.'
                    : 'Take a filter away, or search for less.'}
                </p>
                {data.total > 0 && (
                  <button
                    type="button"
                    onClick={() => go({ query: { ...anyBrief, sort: query.sort } })}
                  >
                    Show all
                  </button>
                )}
              </div>
            ) : (
              <Grid
                found={found}
                source={source}
                density={density}
                active={active}
                focusActive={openBrief === null ? focusActive : 0}
                selected={selected}
                actions={gridActions}
                columnsChanged={columnsChanged}
              />
            )}
            {data.pages > 1 && (
              <Pages data={data} source={source} page={state.page} goTo={(page) => go({ page })} />
            )}
            {selected.size > 0 && (
              <SelectionBar
                selected={selected}
                all={found}
                selectAll={selectAll}
                clear={() => setSelected(new Set())}
                say={saySelected}
              />
            )}
          </main>
        </div>
      )}
      {view === 'failures' && (
        <main class="scrolled">
          <h1 class="sr-only">Failures</h1>
          <FailuresView
            briefs={data.briefs}
            folder={folder}
            batch={data.batch}
            open={show}
            showAll={(code) =>
              go({
                view: 'results',
                query: { ...anyBrief, facets: new Map([['code', new Set([code])]]) },
              })
            }
          />
        </main>
      )}
      {view === 'totals' && (
        <main class="scrolled">
          <h1 class="sr-only">Totals</h1>
          <TotalsTab source={source} />
        </main>
      )}
      {openBrief !== null && (
        <Detail
          brief={openBrief}
          canDecide={data.canDecide}
          desk={desk}
          source={source}
          place={openAt === undefined ? null : { position: openAt, count: found.length }}
          side={side}
          setSide={setSide}
          actions={{ close, move: moveOpen, show, say: sayOpen, notes }}
        >
          <Toasts toasts={toasts} />
        </Detail>
      )}
      {dialog === 'keys' && <KeysHelp close={() => setDialog(null)} />}
      {dialog === 'hand-over' && (
        <HandOver
          counts={counts}
          folder={folder}
          batch={data.batch}
          save={source.unsaved === null ? null : () => source.unsaved?.save()}
          close={() => setDialog(null)}
        />
      )}
      {openBrief === null && <Toasts toasts={toasts} />}
    </div>
  );
}

const anyQuery = new URLSearchParams();

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function foundText(found: number, { matching, total, pages, page }: ReviewData): string {
  if (pages > 1)
    return `${grouped(found)} of ${counted(matching, 'brief')}, page ${page} of ${pages}`;
  if (found === total) return counted(found, 'brief');
  return `${grouped(found)} of ${counted(total, 'brief')}`;
}

function Pages({
  data,
  source,
  page,
  goTo,
}: {
  data: ReviewData;
  source: ReviewSource;
  page: number;
  goTo(page: number): void;
}) {
  const numbers = Array.from({ length: data.pages }, (_, index) => index + 1);
  const current = source.kind === 'file' ? data.page : page;
  return (
    <nav class="pages" aria-label="Pages of the batch">
      {numbers.map((number) => (
        <a
          key={number}
          href={source.pageAddress(number)}
          aria-current={number === current ? 'page' : undefined}
          onClick={(event) => {
            if (source.kind === 'file') return;
            event.preventDefault();
            goTo(number);
          }}
        >
          {number}
        </a>
      ))}
    </nav>
  );
}
