import { html } from '../../shared/html.js';
import type { Findings } from '../reading/find-briefs.js';
import { layout } from './layout.js';
import { batchLink, briefLink } from './links.js';
import { pill, table } from './parts.js';

export function findPage(
  asked: { text: string; batch: string },
  { briefs, stopped }: Findings,
  atMs: number,
): string {
  const where = asked.batch
    ? html` in <a href="${batchLink(asked.batch)}">${asked.batch}</a>`
    : null;
  const rows = briefs.map(({ batch, id, status }) => [
    html`<a href="${briefLink(batch, id)}">${id}</a>`,
    pill(status),
    html`<a href="${batchLink(batch)}">${batch}</a>`,
  ]);
  const main = html`<h1>Briefs with <q>${asked.text}</q>${where}</h1>
${rows.length === 0 ? html`<p>None was found in the ledger, nor in the manifests that are on this machine.</p>` : table(['brief', 'status', 'batch'], rows)}
${stopped === 'enough' ? html`<p class="quiet">There are more than these: say more of the text.</p>` : null}
${stopped === 'too_long' ? html`<p class="trouble">The search was stopped after some seconds: search inside one batch, from its page.</p>` : null}`;
  return layout({ title: asked.text, live: 'still', atMs, search: asked, main });
}
