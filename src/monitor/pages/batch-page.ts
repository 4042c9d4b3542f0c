import { withoutSuccess } from '../../shared/batch-state.js';
import type { FailureGroup } from '../../shared/group-failures.js';
import { type Html, html } from '../../shared/html.js';
import { creditsNumber } from '../../shared/quantities.js';
import { queueName, queueStages } from '../../shared/queues.js';
import type { Failures } from '../reading/read-failures.js';
import type { WatchedBatch } from '../reading/watch.js';
import { creditsWords, paceOfBatchWords, timeLeftWords } from './batch-words.js';
import { layout, timeText } from './layout.js';
import { limitingWords } from './limiting-words.js';
import { briefLink, findLink, queueLink } from './links.js';
import { facts, progressOf, stateOf, table } from './parts.js';

export function batchPage(batch: WatchedBatch, failures: Failures, atMs: number): string {
  const { meta } = batch;
  const main = html`<h1>${meta.name} ${stateOf(meta)}</h1>
<p class="progress">${progressOf(meta)}</p>
${facts(factRows(batch))}
<h2>Without success</h2>
${failuresPart(batch, failures)}
<h2>Stages</h2>
${stagesTable(batch)}`;
  const search = { text: '', batch: meta.name };
  return layout({ title: meta.name, live: 'live', atMs, search, main });
}

function factRows(batch: WatchedBatch) {
  const { meta, look } = batch;
  const { lines, requests } = meta;
  const limiting = limitingWords(batch);
  const left = meta.pending - look.waiting;
  return [
    ['succeeded', lines.succeeded],
    ['failed', lines.failed],
    ['unknown', lines.unknown],
    ['cancelled', lines.cancelled],
    ['left', meta.pending === 0 ? 0 : `${meta.pending}: ${left} running, ${look.waiting} waiting`],
    ['credits', creditsWords(batch)],
    ['cap of a day', meta.maxCreditsPerDay === null ? null : creditsNumber(meta.maxCreditsPerDay)],
    ['pace', paceOfBatchWords(batch)],
    ['limited by', limiting && html`<span class="${limiting.tone}">${limiting.text}</span>`],
    ['not begun', batch.notBegun && html`<span class="trouble">${batch.notBegun}</span>`],
    ['files', filesPart(batch)],
    ['time left', timeLeftWords(batch)],
    [
      'requests',
      `${requests.submits} submissions, ${requests.statusChecks} status checks, ${requests.downloads} downloads${uploadsText(requests.uploads)}`,
    ],
    ['input', `${meta.rejected} rejected, ${meta.duplicates} duplicates`],
    ['lines to write', batch.unwritten === 0 ? null : batch.unwritten],
    ['from', meta.sources.join(', ')],
    ['results', meta.out || "the worker's own folder"],
    ['made', timeText(meta.createdAt)],
  ] as const;
}

function filesPart({ filesDue: { count, reason } }: WatchedBatch): Html | null {
  if (count === 0) return null;
  const why = reason === null ? '' : ` ${reason}`;
  return html`<span class="trouble">${count} cannot be fetched yet.${why}</span>`;
}

function failuresPart({ meta }: WatchedBatch, failures: Failures): Html {
  const count = withoutSuccess(meta);
  if (count === 0) return html`<p>None.</p>`;
  if (failures.kind === 'elsewhere') {
    return html`<p>${count}. Why, says the manifest, which is not on this machine (${failures.out || 'the batch names no folder yet'}). Ask on the one that collects: <code>rivya-batch status ${meta.name} --failed</code></p>`;
  }
  const unreadable =
    failures.unreadable === 0
      ? null
      : html`<p class="trouble">${failures.unreadable} lines of the manifest cannot be read: <code>rivya-batch verify</code> says more.</p>`;
  return html`${failures.groups.map((group) => groupPart(meta.name, group))}${unreadable}`;
}

function groupPart(batch: string, { code, count, statuses, example, remedy }: FailureGroup): Html {
  const ends = Object.entries(statuses).map(([status, number]) => `${number} ${status}`);
  return html`<section class="group"><h3><a href="${findLink(code, batch)}">${count} × ${code}</a> <span class="quiet">${ends.join(', ')}</span></h3>
<p>Such as <a href="${briefLink(batch, example.brief_id)}">${example.brief_id}</a>${example.message ? html`: <q>${example.message}</q>` : null}</p>
<p class="quiet">${remedy}</p></section>`;
}

function stagesTable({ meta, queues }: WatchedBatch): Html {
  const rows = queueStages.map((stage) => {
    const { waiting, active, delayed, failed } = queues[stage];
    const link = html`<a href="${queueLink(queueName(meta.name, stage))}">${stage}</a>`;
    return [link, waiting, active, delayed, failed];
  });
  return table(['stage', 'waiting', 'active', 'delayed', 'taken out'], rows);
}

/** Most batches refer to no files. */
function uploadsText(uploads: number): string {
  return uploads === 0 ? '' : `, ${uploads} uploads`;
}
