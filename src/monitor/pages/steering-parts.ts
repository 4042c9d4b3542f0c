import { type BatchMeta, isPaused, leftOf, wordsThatGoOn } from '../../ledger/batch-meta.js';
import { type NotedDeed, notedWords } from '../../ledger/deeds.js';
import { type Html, html } from '../../shared/html.js';
import { shellWord } from '../../shared/quantities.js';
import type { UnderWay } from '../acting/under-way.js';
import type { Actions } from '../board/add-board.js';
import type { Story } from '../reading/read-story.js';
import { actLink, reviewLink, timeText } from './layout.js';

/** How a page lets people act: by buttons, or by commands that are to be typed. */
export interface Steering {
  actions: Actions;
  /** A command of ours, as it is typed for the Redis that this monitor looks at. */
  commandLine(words: readonly string[]): string;
  /** What is being done to a batch from here just now, and takes long; null for nothing. */
  underWay(batch: string): UnderWay | null;
}

/** For people who have asked for it. */
export function underWayWords({ deed, sinceMs }: UnderWay): string {
  const what = {
    cancel: 'It is being cancelled: each brief that will not be made gets its line.',
    retry: 'Briefs of it are being opened again.',
    pause: 'It is being paused.',
    resume: 'It is being resumed.',
    priority: 'Its priority is being set.',
  };
  return `${what[deed]} This goes on by itself since ${timeText(sinceMs)}; the page of the batch shows how far it is, and what came of it.`;
}

/** What people may do to a batch, and what they have done to it. */
export function batchSteering(
  meta: BatchMeta,
  { actions, commandLine, underWay }: Steering,
  deeds: readonly NotedDeed[],
): Html {
  const { name } = meta;
  const begun = underWay(name);
  const steps = stepsOf(meta);
  const buttons = steps.map(
    ({ deed, label }) => html`<a class="act" href="${actLink({ deed, batch: name })}">${label}</a>`,
  );
  const goesOn = leftOf(meta) > 0 ? [wordsThatGoOn(meta)] : [];
  const typed = [
    ...steps.flatMap(({ words }) => (words === null ? [] : [words])),
    ...goesOn,
    ['status', name],
  ];
  return html`${actions === 'allowed' && buttons.length > 0 ? html`<p class="acts">${buttons}</p>` : null}
${begun === null ? null : html`<p class="deed" role="status">${underWayWords(begun)}</p>`}
${deedsPart(name, deeds)}
<details id="commands"><summary>Commands to type</summary>${typed.map((words) => html`<p><code>${commandLine(words)}</code></p>`)}</details>`;
}

interface Step {
  deed: 'pause' | 'resume' | 'cancel' | 'priority';
  label: string;
  /** The same to be typed; null for what has no command of its own. */
  words: string[] | null;
}

function stepsOf(meta: BatchMeta): Step[] {
  const { name, stage } = meta;
  if (stage === 'finished' || stage === 'cancelled') return [];
  const held: Step = isPaused(meta)
    ? { deed: 'resume', label: 'Resume…', words: ['resume', name] }
    : { deed: 'pause', label: 'Pause…', words: ['pause', name] };
  return [
    held,
    { deed: 'priority', label: 'Priority…', words: null },
    { deed: 'cancel', label: 'Cancel…', words: ['cancel', name] },
  ];
}

/** What people may do about a brief: commands that can be typed as they stand, and a button where that is allowed. */
export function briefSteering(
  { id, meta, state, line }: Story,
  { actions, commandLine }: Steering,
): Html {
  const { name, out } = meta;
  const isOver = state.stage === 'lined';
  const wish = { batch: name, id };
  const again = line?.status === 'succeeded' ? 'Make it again…' : 'Retry this brief…';
  const retry =
    isOver && line !== null && actions === 'allowed'
      ? html`<a class="act" href="${actLink({ deed: 'retry', ...wish })}">${again}</a>`
      : null;
  const look =
    line === null
      ? null
      : html`<a class="act" href="${reviewLink(name)}#${String(new URLSearchParams({ open: id }))}">Look and decide</a>`;
  const typed = [
    ...(isOver ? retryCommands(wish, commandLine) : [commandLine(wordsThatGoOn(meta))]),
    commandLine(['status', name]),
    ...(out === '' ? [] : [commandLine(['verify', out]), commandLine(['review', out])]),
  ];
  return html`${retry || look ? html`<p class="acts">${retry}${look}</p>` : null}
<details id="commands"><summary>Commands to type</summary>${typed.map((line) => html`<p><code>${line}</code></p>`)}</details>`;
}

/** Opens what failed for one reason again, or one brief: to be typed, line by line. */
export function retryCommands(
  { batch, code, id }: { batch: string; code?: string | undefined; id?: string | undefined },
  commandLine: Steering['commandLine'],
): string[] {
  const chosen = code === undefined ? [] : ['--code', code];
  if (id === undefined) return [commandLine(['retry', batch, ...chosen])];
  // A list is split at its commas, and cut at its ends.
  if (id.includes(',') || id.trim() !== id) {
    return [
      `printf '%s\\n' ${shellWord(id)} > ids.txt`,
      commandLine(['retry', batch, ...chosen, '--ids', 'ids.txt']),
    ];
  }
  return [
    commandLine([
      'retry',
      batch,
      ...chosen,
      ...(id.startsWith('-') ? [`--ids=${id}`] : ['--ids', id]),
    ]),
  ];
}

/** The latest of what people have done; the rest is folded away. */
function deedsPart(of: string, deeds: readonly NotedDeed[]): Html | null {
  const [latest, ...earlier] = deeds;
  if (latest === undefined) return null;
  const rest =
    earlier.length === 0
      ? null
      : html`<details id="${of} deeds"><summary>${earlier.length} before</summary><ul class="deeds">${earlier.map((deed) => html`<li>${notedWords(deed)}</li>`)}</ul></details>`;
  return html`<p class="deed">Last ${notedWords(latest)}</p>${rest}`;
}

/** Opens what failed for one reason again. */
export function retryPart(batch: string, code: string, { actions, commandLine }: Steering): Html {
  return actions === 'allowed'
    ? html`<a class="act" href="${actLink({ deed: 'retry', batch, code })}">Retry these…</a>`
    : html`${retryCommands({ batch, code }, commandLine).map((line) => html`<code>${line}</code>`)}`;
}

/** What people may do to a schedule, and what they have done to it. */
export function scheduleSteering(
  account: string,
  { name, state }: { name: string; state: 'active' | 'paused' },
  { actions, commandLine }: Steering,
  deeds: readonly NotedDeed[],
): Html {
  const steps = [
    { deed: 'run-now', label: 'Run now…' },
    state === 'paused' ? { deed: 'resume', label: 'Resume…' } : { deed: 'pause', label: 'Pause…' },
  ] as const;
  const buttons = steps.map(
    ({ deed, label }) =>
      html`<a class="act" href="${actLink({ deed, account, schedule: name })}">${label}</a>`,
  );
  const typed = steps.map(({ deed }) => commandLine(['schedule', deed, name]));
  return html`${actions === 'allowed' ? html`<p class="acts">${buttons}</p>` : html`<details id="${account}/${name} commands"><summary>Commands to type</summary>${typed.map((line) => html`<p><code>${line}</code></p>`)}</details>`}
${deedsPart(`${account}/${name}`, deeds)}`;
}
