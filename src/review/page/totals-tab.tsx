import { useEffect, useState } from 'preact/hooks';
import type { Totals } from '../../results/totals.js';
import { Icon } from './icons.js';
import type { ReviewSource } from './source.js';
import { TotalsView } from './totals-view.js';

/** Loads the totals when they are looked at. */
export function TotalsTab({ source }: { source: ReviewSource }) {
  const [totals, setTotals] = useState<Totals | null | undefined>(undefined);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    source.totals().then(setTotals, (error: unknown) => setFault(String(error)));
  }, [source]);
  if (fault !== null) return <div class="empty">{fault}</div>;
  if (totals === undefined) return <div class="empty quiet">Adding up…</div>;
  if (totals === null) {
    return (
      <div class="empty">
        <Icon name="file" />
        <h2>There are no totals here</h2>
      </div>
    );
  }
  return <TotalsView totals={totals} />;
}
