import { type Html, html } from '../../shared/html.js';
import type { Asked, NotNow, Question } from '../acting/question.js';
import { actPath, layout, troublePage } from './layout.js';

/** What is asked before something is done; or why it is not, and what to do instead. */
export function askedPage(asked: Asked, atMs: number): string {
  const main = asked.kind === 'question' ? questionPart(asked) : notNowPart(asked);
  return layout({ title: asked.title, live: 'still', atMs, search: { text: '', batch: '' }, main });
}

function questionPart({ title, because, says, verb, fields, input, back }: Question): Html {
  const hidden = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<h1>${title}</h1>
${because === null ? null : html`<p class="trouble" role="alert">${because}</p>`}
${says.map((sentence) => html`<p>${sentence}</p>`)}
<form class="question" method="post" action="${actPath}">${hidden}${inputPart(input)}
<button class="act">${verb}</button> <a class="act quiet" href="${back}">Leave it as it is</a></form>`;
}

function inputPart(input: Question['input']): Html | null {
  if (input === null) return null;
  const { name, label, value, least, most } = input;
  return html`<label>${label} <input type="number" name="${name}" value="${value}" min="${least}" max="${most}" step="1" required></label>`;
}

function notNowPart({ title, why, commands, back }: NotNow): Html {
  return html`<h1>${title}</h1>
<p>${why}</p>
${commands.map((command) => html`<p><code>${command}</code></p>`)}
<p><a class="act quiet" href="${back}">Back</a></p>`;
}

/** A manifest of a million lines is read for some time. */
export function countingPage(atMs: number): string {
  const text = 'What it does and costs is being counted: this page asks as soon as that is known.';
  return troublePage({ title: 'Counting', text, live: 'live' }, atMs);
}

export function refusedPage(title: string, text: string, atMs: number): string {
  return troublePage({ title, text, live: 'still' }, atMs);
}
