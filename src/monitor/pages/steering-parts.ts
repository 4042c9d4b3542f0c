import { type BatchMeta, isPaused, leftOf, wordsThatGoOn } from '../../ledger/batch-meta.js';
import { type NotedDeed, notedWords } from '../../ledger/deeds.js';
import { type Html, html } from '../../shared/html.js';
import type { Actions } from '../board/add-board.js';
import { actLink } from './layout.js';

/** How a page lets people act: by buttons, or by commands that are to be typed. */
export interface Steering {
  actions: Actions;
  /** A command of ours, as it is typed for the Redis that this monitor looks at. */
  commandLine(words: readonly string[]): string;
}

/** What people may do to a batch, and what they have done to it. */
export function batchSteering(
  meta: BatchMeta,
  { actions, commandLine }: Steering,
  deeds: readonly NotedDeed[],
): Html {
  const { name } = meta;
  const steps = stepsOf(meta);
  const buttons = steps.map(
    ({ deed, label }) => html`<a class="act" href="${actLink({ deed, batch: name })}">${label}</a>`,
  );
  const goesOn = leftOf(meta) > 0 && meta.stage !== 'cancelled' ? [wordsThatGoOn(meta)] : [];
  const typed = [
    ...steps.flatMap(({ words }) => (words === null ? [] : [words])),
    ...goesOn,
    ['status', name],
  ];
  return html`${actions === 'allowed' && buttons.length > 0 ? html`<p class="acts">${buttons}</p>` : null}
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
    : html`<code>${commandLine(['retry', batch, '--code', code])}</code>`;
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
