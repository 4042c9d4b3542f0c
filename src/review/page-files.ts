import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { html } from '../shared/html.js';

export type PageFile = 'page.js' | 'page.css';

/** The page's script or style, as `npm run build` made them: beside this module, or in `dist/` where this is a source. */
function pagePath(name: PageFile): string {
  const beside = fileURLToPath(new URL(name, import.meta.url));
  if (existsSync(beside)) return beside;
  return fileURLToPath(new URL(`../../dist/review/${name}`, import.meta.url));
}

export function readPageFile(name: PageFile): Promise<string> {
  return readFile(pagePath(name), 'utf8');
}

/** The page as it is served: `page.js` and `page.css` stand beside it, and all else is asked for by the script. */
export function servedPage(title: string): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}: review</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="page.css">
<script src="page.js" defer></script>
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
`.text;
}
