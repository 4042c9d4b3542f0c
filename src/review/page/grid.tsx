import { Component } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Verdict } from '../../ledger/result-ledger.js';
import { resultKind } from '../find-briefs.js';
import type { ReviewBrief } from '../review-brief.js';
import type { Density } from './address.js';
import { isDecidable } from './desk.js';
import { useSize } from './hooks.js';
import { Icon } from './icons.js';
import { Thumbnail, thumbnailText } from './media.js';
import type { ReviewSource } from './source.js';
import { altText, beginning, valueText, verdictOrder, verdictWords } from './words.js';

/** In CSS pixels. `footer` is what stands beneath the picture. */
const shapes: Readonly<Record<Density, { least: number; gap: number; footer: number }>> = {
  small: { least: 104, gap: 8, footer: 30 },
  medium: { least: 164, gap: 14, footer: 52 },
  large: { least: 290, gap: 18, footer: 96 },
};
/** Rows that are drawn beyond what is seen, on either side. */
const rowsBeyond = 2;
const padding = 16;

export interface GridActions {
  open(position: number): void;
  activate(position: number): void;
  select(position: number, how: 'toggle' | 'range'): void;
  decide(brief: ReviewBrief, verdict: Verdict): void;
}

/** Where `focusActive` was raised, the active card gets the focus: keys moved there. */
export function Grid({
  found,
  source,
  density,
  active,
  focusActive,
  selected,
  actions,
  columnsChanged,
}: {
  found: readonly ReviewBrief[];
  source: ReviewSource;
  density: Density;
  active: number;
  focusActive: number;
  selected: ReadonlySet<ReviewBrief>;
  actions: GridActions;
  columnsChanged(columns: number): void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(scroller);
  const [top, setTop] = useState(0);
  const { least, gap, footer } = shapes[density];
  const inner = Math.max(0, width - 2 * padding);
  const columns = Math.max(1, Math.floor((inner + gap) / (least + gap)));
  const cardWidth = Math.floor((inner - gap * (columns - 1)) / columns);
  const rowHeight = cardWidth + footer + gap;
  const rows = Math.ceil(found.length / columns);
  const firstRow = Math.max(0, Math.floor((top - padding) / rowHeight) - rowsBeyond);
  const lastRow = Math.min(rows, Math.ceil((top + height) / rowHeight) + 1 + rowsBeyond);

  useLayoutEffect(() => columnsChanged(columns), [columns]);

  // Another list begins at its beginning; another density stays where the reader is.
  useLayoutEffect(() => {
    if (scroller.current !== null) scroller.current.scrollTop = 0;
    setTop(0);
  }, [found]);

  useLayoutEffect(() => {
    const view = scroller.current;
    if (view === null || height === 0) return;
    const cardTop = padding + Math.floor(active / columns) * rowHeight;
    const isAbove = cardTop < view.scrollTop;
    const isBelow = cardTop + rowHeight > view.scrollTop + height;
    if (isAbove) view.scrollTop = cardTop - padding;
    else if (isBelow) view.scrollTop = cardTop + rowHeight - height + padding;
    setTop(view.scrollTop - (view.scrollTop % rowHeight));
  }, [active, columns, rowHeight, height > 0]);

  // At once: a focus that comes later sets back what keys have moved on meanwhile, and the two take turns without an end.
  useLayoutEffect(() => {
    if (focusActive === 0) return;
    scroller.current
      ?.querySelector<HTMLElement>('[data-active] .card-open')
      ?.focus({ preventScroll: true });
  }, [active, focusActive, found]);

  const positions: number[] = [];
  if (inner > 0) {
    for (let at = firstRow * columns; at < Math.min(lastRow * columns, found.length); at += 1) {
      positions.push(at);
    }
    // Whoever goes through the page by keys comes to it, wherever was scrolled to.
    if (!positions.includes(active) && active < found.length) positions.push(active);
  }
  return (
    <div
      ref={scroller}
      class={`grid grid-${density}`}
      // Drawn anew only where other rows come into sight.
      onScroll={({ currentTarget }) =>
        setTop(currentTarget.scrollTop - (currentTarget.scrollTop % rowHeight))
      }
    >
      <ul
        aria-label="Results"
        class="grid-inner"
        style={{ height: `${Math.max(0, rows * rowHeight - gap) + 2 * padding}px` }}
      >
        {positions.map((position) => {
          const brief = found[position];
          if (brief === undefined) return null;
          const left = padding + (position % columns) * (cardWidth + gap);
          const offset = padding + Math.floor(position / columns) * rowHeight;
          return (
            <Card
              key={brief.id}
              brief={brief}
              decision={brief.decision}
              source={source}
              position={position}
              count={found.length}
              left={left}
              top={offset}
              width={cardWidth}
              height={cardWidth + footer}
              isActive={position === active}
              isSelected={selected.has(brief)}
              isLarge={density === 'large'}
              actions={actions}
            />
          );
        })}
      </ul>
    </div>
  );
}

interface CardProps {
  brief: ReviewBrief;
  decision: ReviewBrief['decision'];
  source: ReviewSource;
  position: number;
  count: number;
  left: number;
  top: number;
  width: number;
  height: number;
  isActive: boolean;
  isSelected: boolean;
  isLarge: boolean;
  actions: GridActions;
}

/** Drawn anew only where something of it has changed: while one scrolls, most cards stay as they are. */
class Card extends Component<CardProps> {
  // The decision is compared beside the brief, which is the same one before and after.
  override shouldComponentUpdate(next: CardProps): boolean {
    return (Object.keys(next) as (keyof CardProps)[]).some((key) => next[key] !== this.props[key]);
  }

  override render() {
    return <CardFace {...this.props} />;
  }
}

/** What stands over a brief that did not succeed. */
function statusText({ status, error }: ReviewBrief): string {
  return status === 'succeeded' ? '' : (error?.code ?? valueText('status', status));
}

/** What a card is called says what can be read on it. */
function seenText(brief: ReviewBrief): string {
  if (resultKind(brief) !== 'text') return altText(brief);
  return `${brief.id}: ${beginning(brief.text ?? '', thumbnailText)}`;
}

function CardFace({ brief, source, position, count, actions, ...card }: CardProps) {
  const { isActive, isSelected, isLarge } = card;
  const verdict = brief.decision?.decision ?? null;
  const canDecide = isDecidable(brief);
  const state = verdict === null ? '' : `, ${verdictWords[verdict].done.toLowerCase()}`;
  const failed = statusText(brief);
  return (
    <li
      aria-setsize={count}
      aria-posinset={position + 1}
      class="card"
      data-verdict={verdict ?? undefined}
      data-status={brief.status}
      data-id={brief.id}
      data-active={isActive ? '' : undefined}
      data-selected={isSelected ? '' : undefined}
      style={{
        transform: `translate(${card.left}px, ${card.top}px)`,
        width: `${card.width}px`,
        height: `${card.height}px`,
      }}
    >
      <button
        type="button"
        class="card-open"
        tabIndex={isActive ? 0 : -1}
        aria-label={`Open ${seenText(brief)}${failed && `, ${failed}`}${state}`}
        onClick={(event) => {
          if (event.shiftKey) actions.select(position, 'range');
          else if (event.ctrlKey || event.metaKey) actions.select(position, 'toggle');
          else actions.open(position);
        }}
        onFocus={() => actions.activate(position)}
      >
        <Thumbnail shown={brief} source={source} />
        {failed !== '' && <span class="card-status">{failed}</span>}
      </button>
      {canDecide && (
        <label class="card-select">
          <input
            type="checkbox"
            tabIndex={-1}
            checked={isSelected}
            aria-label={`Select ${brief.id}`}
            onClick={(event) => {
              event.preventDefault();
              actions.select(position, event.shiftKey ? 'range' : 'toggle');
            }}
          />
        </label>
      )}
      {verdict !== null && (
        <span class={`mark mark-${verdict}`}>
          <Icon name={verdict} />
        </span>
      )}
      <div class="card-foot">
        <span class="card-id" title={brief.id}>
          {brief.id}
        </span>
        <span class="card-prompt">
          {brief.decision?.note ?? beginning(brief.prompt ?? brief.error?.message ?? '', 160)}
        </span>
        {isLarge && (
          <span class="card-facts quiet">
            {brief.model}
            {brief.credits !== null && ` · ${brief.credits} cr`}
          </span>
        )}
      </div>
      {canDecide && (
        <div class="card-verdicts">
          {verdictOrder.map((one) => (
            <button
              key={one}
              type="button"
              tabIndex={-1}
              class={`round verdict-${one}`}
              aria-pressed={verdict === one}
              aria-label={`${verdictWords[one].verb}: ${brief.id}`}
              title={`${verdictWords[one].verb} (${verdictWords[one].key})`}
              onClick={() => actions.decide(brief, one)}
            >
              <Icon name={one} />
            </button>
          ))}
        </div>
      )}
    </li>
  );
}
