import { standingOf } from '../../ledger/brief-state.js';
import { remedyFor } from '../../results/failures.js';
import { type Html, html, type Part } from '../../shared/html.js';
import type { JsonValue } from '../../shared/json.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import { formatCredits, formatDuration } from '../../shared/quantities.js';
import { queueName } from '../../shared/queue-names.js';
import { type FileOnDisk, type Story, storyEvents } from '../reading/read-story.js';
import { batchLink, facts, layout, pill, queueLink, table, timeText } from './layout.js';
import { elsewhereWords, mediaPart, rowPart } from './results-part.js';
import { briefSteering, type Steering } from './steering-parts.js';

export function briefPage(story: Story, steering: Steering, nowMs: number): string {
  const { id, meta, state, line } = story;
  const main = html`<p class="crumb"><a href="${batchLink(meta.name)}">${meta.name}</a></p>
<h1><span class="name">${id}</span> ${pill(standingOf(state))}</h1>
${rowPart(story)}
${promptPart(story)}
${mediaPart(story)}
${answerPart(story)}
${line?.error ? errorPart(line.error) : null}
${lineMissing(story)}
${briefSteering(story, steering)}
<ol class="story">${storyEvents(story).map(eventPart)}${nextPart(story, nowMs)}</ol>
${facts(factRows(story))}
${filesPart(story.files)}
${inputPart(story)}`;
  const live = state.stage === 'lined' ? 'still' : 'live';
  return layout({ title: id, live, atMs: nowMs, search: { text: '', batch: meta.name }, main });
}

function promptPart({ line, content }: Story): Html | null {
  const { prompt } = line ?? content?.body ?? {};
  return prompt ? html`<blockquote>${prompt}</blockquote>` : null;
}

/** What a chat has said. */
function answerPart({ line }: Story): Html | null {
  return line?.text ? html`<h2>Answer</h2><blockquote>${line.text}</blockquote>` : null;
}

function eventPart({ atMs, what, detail }: ReturnType<typeof storyEvents>[number]): Html {
  return html`<li><time>${timeText(atMs)}</time> <strong>${what}</strong> ${detail}</li>`;
}

/** What it waits for now. */
function nextPart({ job, state, meta }: Story, nowMs: number): Html | null {
  if (job === null) {
    if (state.stage === 'lined') return null;
    return html`<li class="trouble"><strong>No job</strong> carries it right now; if this stays so: <code>rivya-batch verify</code> and the worker's log</li>`;
  }
  const due = job.dueMs === null ? job.state : `due in ${formatDuration(job.dueMs - nowMs)}`;
  const errors = job.errors === 0 ? '' : `, ${job.errors} unexpected errors in a row`;
  const queue = queueName(meta.name, job.stage);
  return html`<li class="next"><strong>Next: ${job.stage}</strong> ${due}${errors} <a href="${queueLink(queue)}">queue</a></li>`;
}

function errorPart({ code, message, request_id }: NonNullable<ManifestLine['error']>): Html {
  return html`<section class="group"><h2>${code}</h2><p><q>${message}</q>${request_id === null ? null : html` <span class="quiet">request ${request_id}</span>`}</p><p class="quiet">${remedyFor(code)}</p></section>`;
}

function lineMissing({ state, line, meta }: Story): Html | null {
  if (state.stage !== 'lined' || line !== null) return null;
  return html`<p class="trouble">Its line is in the manifest, which is not on this machine. Its results are ${elsewhereWords(meta)}; the commands below show them.</p>`;
}

function factRows({ state, line, content, held }: Story) {
  const request = line ?? content?.body ?? null;
  const origin = line ?? content?.origin ?? null;
  const final = line?.credits.final ?? (state.stage === 'ready' ? state.final : null);
  const stated = state.stage === 'accepted' || state.stage === 'ready' ? state.reserved : null;
  const reserved = line?.credits.reserved ?? stated;
  return [
    ['model', request?.model ?? null],
    ['params', request?.params ? jsonPart(request.params) : null],
    ['credits charged', final === null ? null : formatCredits(final)],
    ['credits reserved by the API', reserved === null ? null : formatCredits(reserved)],
    ['held against the cap', held === null ? null : formatCredits(held)],
    ['task', line?.task_id ?? ('taskId' in state ? state.taskId : null)],
    ['attempt', state.attempt],
    ['from', origin ? `row ${origin.row} of ${origin.source}` : null],
    ['references', origin ? origin.references.join(' ') : null],
    ['result', line ? line.urls.join(' ') : null],
  ] as const;
}

function filesPart(files: FileOnDisk[]): Html | null {
  if (files.length === 0) return null;
  const words = { there: 'on disk', missing: 'missing', other_size: 'another size on disk' };
  const rows = files.map(({ asset, found }): Part[] => [
    asset.path,
    asset.media_type,
    asset.bytes,
    html`<span class="${found === 'there' ? 'normal' : 'trouble'}">${words[found]}</span>`,
    html`<code>${asset.sha256.slice(0, 16)}…</code>`,
  ]);
  return html`<h2>Files</h2>${table(['file', 'type', 'bytes', 'found', 'sha256'], rows)}`;
}

function inputPart({ line, content }: Story): Html | null {
  const { input, metadata } = line ?? content?.origin ?? { input: {}, metadata: null };
  const rows = Object.entries(input).map(
    ([column, value]) => [column, typeof value === 'string' ? value : jsonPart(value)] as const,
  );
  if (rows.length === 0 && metadata === null) return null;
  const extra = metadata === null ? [] : ([['metadata', jsonPart(metadata)]] as const);
  return html`<details id="input"><summary>Input</summary>${facts([...rows, ...extra])}</details>`;
}

function jsonPart(value: JsonValue): Html | null {
  const text = JSON.stringify(value);
  return text === '{}' ? null : html`<code>${text}</code>`;
}
