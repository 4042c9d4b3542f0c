import { useMemo } from 'preact/hooks';
import type { LineStatus } from '../../shared/manifest-line.js';
import { counted, shellWord } from '../../shared/quantities.js';
import { facetValue } from '../find-briefs.js';
import type { ReviewBrief } from '../review-brief.js';
import { Command } from './command.js';
import { Icon } from './icons.js';
import { beginning, valueText } from './words.js';

interface Failures {
  code: string;
  briefs: ReviewBrief[];
  remedy: string;
}

function groupByCode(briefs: readonly ReviewBrief[]): Failures[] {
  const groups = new Map<string, Failures>();
  for (const brief of briefs) {
    if (brief.status === 'succeeded') continue;
    const code = facetValue(brief, 'code');
    const remedy = brief.error?.remedy ?? 'These were ended before anything was made of them.';
    const group = groups.get(code) ?? { code, briefs: [], remedy };
    groups.set(code, group);
    group.briefs.push(brief);
  }
  return [...groups.values()].sort((a, b) => b.briefs.length - a.briefs.length);
}

/** A command that the remedy speaks of; what is to be mended before, it says itself. */
function commandFor({ code, remedy, briefs }: Failures, folder: string, batch: string): string {
  const program = 'npx rivya-batch';
  if (!remedy.includes('rivya-batch retry')) return `${program} continue ${shellWord(batch)}`;
  const statuses = [...new Set<LineStatus>(briefs.map(({ status }) => status))].sort();
  return `${program} retry ${shellWord(folder)} --status ${statuses.join(',')} --code ${shellWord(code)} --run`;
}

/** What did not succeed, by its cause, with what can be done. */
export function FailuresView({
  briefs,
  folder,
  batch,
  showAll,
  open,
}: {
  briefs: readonly ReviewBrief[];
  folder: string;
  batch: string;
  showAll(code: string): void;
  open(brief: ReviewBrief): void;
}) {
  const groups = useMemo(() => groupByCode(briefs), [briefs]);
  if (groups.length === 0) {
    return (
      <div class="empty">
        <Icon name="approved" />
        <h2>Nothing failed</h2>
        <p>Every brief that has ended has its result.</p>
      </div>
    );
  }
  return (
    <div class="failures">
      {groups.map((group) => (
        <section key={group.code} class="failure" aria-label={group.code}>
          <header>
            <h2>{group.code}</h2>
            <span class="count-badge">{counted(group.briefs.length, 'brief')}</span>
            <span class="quiet">{statusText(group.briefs)}</span>
          </header>
          <p class="remedy">{group.remedy}</p>
          <Command text={commandFor(group, folder, batch)} />
          <ul class="lined">
            {group.briefs.slice(0, 3).map((brief) => (
              <li key={brief.id}>
                <button type="button" class="link" onClick={() => open(brief)}>
                  {brief.id}
                </button>{' '}
                <span class="quiet">{beginning(brief.error?.message ?? '', 200)}</span>
              </li>
            ))}
          </ul>
          <button type="button" onClick={() => showAll(group.code)}>
            Show {group.briefs.length === 1 ? 'it' : `all ${group.briefs.length}`} in the grid
          </button>
        </section>
      ))}
    </div>
  );
}

function statusText(briefs: readonly ReviewBrief[]): string {
  const statuses = new Set(briefs.map(({ status }) => status));
  return [...statuses].map((status) => valueText('status', status).toLowerCase()).join(', ');
}
