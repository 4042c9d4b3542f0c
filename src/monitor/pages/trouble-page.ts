import { html } from '../../shared/html.js';
import { layout } from './layout.js';

/** A page that cannot be shown, and why; it looks again by itself where that may help. */
export function troublePage(
  { title, text, live }: { title: string; text: string; live: 'live' | 'still' },
  atMs: number,
): string {
  const main = html`<h1>${title}</h1><p>${text}</p>`;
  return layout({ title, live, atMs, search: { text: '', batch: '' }, main });
}
