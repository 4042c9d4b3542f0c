import { type Html, html, type Part } from '../../shared/html.js';
import { describeRun } from '../../shared/schedule/describe-run.js';
import { runResult } from '../../shared/schedule/run-result.js';
import type { Schedule } from '../../shared/schedule/schedule.js';
import type { ScheduleRun } from '../../shared/schedule/schedule-run.js';
import { missedWords, toldTrouble } from '../../shared/schedule/schedule-words.js';
import { zoneText } from '../../shared/schedule/zone-time.js';
import type { WatchedBatch } from '../reading/watch.js';
import { batchLink } from './links.js';
import { pill, progressOf, table } from './parts.js';

export function resultPill(run: ScheduleRun): Html {
  return pill(runResult(run).replace('_', ' '));
}

/** Runs of a schedule and what became of each; only batches that are `shown` have a page. */
export function runTable(
  runs: readonly ScheduleRun[],
  { zone }: Schedule,
  shown: ReadonlyMap<string, WatchedBatch>,
): Html {
  const rows = runs.map((run): Part[] => {
    const batch = run.stage === 'skipped' ? null : run.batch;
    const watched = batch === null ? undefined : shown.get(batch);
    return [
      html`${zoneText(run.scheduledMs, zone)}${run.trigger === 'hand' ? html` <span class="quiet">by hand</span>` : null}`,
      watched ? html`<a href="${batchLink(watched.meta.name)}">${batch}</a>` : batch,
      resultPill(run),
      briefsPart(run, watched),
      whatPart(run, zone),
    ];
  });
  return table(['due', 'batch', 'result', 'briefs', 'outcome'], rows);
}

function briefsPart(run: ScheduleRun, watched: WatchedBatch | undefined): Part {
  if (run.stage === 'ended') {
    return (
      run.counts &&
      html`<span class="count">${run.counts.succeeded} of ${run.counts.admitted}</span>`
    );
  }
  return run.stage === 'running' && watched ? progressOf(watched.meta) : null;
}

function whatPart(run: ScheduleRun, zone: string): Html {
  const trouble = toldTrouble(run.told);
  return html`${describeRun(run, zone)}${missedWords(run)}${trouble === null ? null : html`; <span class="trouble">${trouble}</span>`}`;
}
