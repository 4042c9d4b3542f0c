import { type Html, html, type Part } from '../../shared/html.js';
import { boardPath, schedulesPath } from './links.js';

export interface Page {
  title: string;
  /** Looks again by itself every few seconds. */
  live: 'live' | 'still';
  /** When what it shows was read, in ms since the epoch. */
  atMs: number;
  /** What stands in the search field, and the batch that it searches; '' for all. */
  search: { text: string; batch: string };
  main: Part;
}

export function layout({ title, live, atMs, search, main }: Page): string {
  const scope = search.batch
    ? html`<input type="hidden" name="batch" value="${search.batch}">`
    : null;
  const page: Html = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · rivya-batch</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<script src="/assets/live.js" defer></script>
</head>
<body>
<header>
<nav><a class="home" href="/">rivya-batch</a><a href="/">Batches</a><a href="${schedulesPath}">Schedules</a><a href="${boardPath}/">Queues</a><a href="/metrics">Metrics</a></nav>
<form action="/find" role="search">${scope}<input type="search" name="text" value="${search.text}" required maxlength="500" placeholder="${search.batch ? `Find in ${search.batch}` : 'Find a brief: id, prompt, task'}" aria-label="Find a brief by id or text"><button>Find</button></form>
</header>
<p id="silence" role="status" hidden></p>
<main data-live="${live}">
${main}
<footer>As of <time>${timeText(atMs)}</time>${live === 'live' ? html`, looking again every 3&nbsp;s` : null}.</footer>
</main>
</body>
</html>
`;
  return page.text;
}

/** `2026-11-21 16:20:03 UTC` */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
