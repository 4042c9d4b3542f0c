import { grouped } from '../../shared/quantities.js';
import type { ReviewData } from '../review-brief.js';
import type { View } from './address.js';
import type { DeskCounts } from './desk.js';
import { Icon } from './icons.js';
import { againPrice } from './words.js';

const tabNames: Readonly<Record<View, string>> = {
  results: 'Results',
  failures: 'Failures',
  totals: 'Totals',
};

/** Whose results these are, how far one has come, what "again" will cost, and the way on. */
export function TopBar({
  data,
  view,
  counts,
  failed,
  unsaved,
  isDark,
  setView,
  toggleTheme,
  showKeys,
  handOver,
}: {
  data: ReviewData;
  view: View;
  counts: DeskCounts;
  failed: number;
  /** Decisions that are in this browser alone. */
  unsaved: number;
  isDark: boolean;
  setView(view: View): void;
  toggleTheme(): void;
  showKeys(): void;
  handOver(): void;
}) {
  return (
    <header class="top">
      <div class="top-name">
        <span class="batch" title={data.folder}>
          {data.batch}
        </span>
        {data.simulated && (
          <span class="simulated" title="Made by the simulator: these are placeholders">
            SIMULATED
          </span>
        )}
      </div>
      <nav class="tabs" aria-label="Views">
        {(Object.keys(tabNames) as View[]).map((one) => (
          <button
            key={one}
            type="button"
            aria-current={one === view ? 'page' : undefined}
            onClick={() => setView(one)}
          >
            {tabNames[one]}
            {one === 'failures' && failed > 0 && <span class="count-badge">{grouped(failed)}</span>}
          </button>
        ))}
      </nav>
      <Progress counts={counts} />
      <div class="top-end">
        <button type="button" class="primary" onClick={handOver}>
          <span>Hand over</span>
          {unsaved > 0 && <span class="count-badge">{`${grouped(unsaved)} unsaved`}</span>}
        </button>
        <button
          type="button"
          class="plain"
          aria-label={isDark ? 'Light theme' : 'Dark theme'}
          title={isDark ? 'Light theme' : 'Dark theme'}
          onClick={toggleTheme}
        >
          <Icon name={isDark ? 'sun' : 'moon'} />
        </button>
        <button
          type="button"
          class="plain keys-button"
          aria-label="Keys"
          title="Keys (?)"
          onClick={showKeys}
        >
          <Icon name="keys" />
        </button>
      </div>
    </header>
  );
}

function Progress({ counts }: { counts: DeskCounts }) {
  const { decidable, undecided, again } = counts;
  const decided = decidable - undecided;
  return (
    <div class="progress">
      <div class="progress-text">
        <span>
          <strong>{grouped(undecided)}</strong> undecided
          <span class="quiet">{` of ${grouped(decidable)}`}</span>
        </span>
        {again > 0 && (
          <span class="again-sum" title="What the briefs to be made again were charged before">
            <Icon name="again" />
            {`${grouped(again)} again, ${againPrice(counts)}`}
          </span>
        )}
      </div>
      <div
        class="bar"
        role="progressbar"
        aria-label="Decided"
        aria-valuemin={0}
        aria-valuemax={decidable}
        aria-valuenow={decided}
        aria-valuetext={`${grouped(decided)} of ${grouped(decidable)} decided`}
      >
        {(['approved', 'again', 'rejected'] as const).map((verdict) => (
          <span
            key={verdict}
            class={`bar-${verdict}`}
            style={{ width: `${decidable === 0 ? 0 : (100 * counts[verdict]) / decidable}%` }}
          />
        ))}
      </div>
    </div>
  );
}
