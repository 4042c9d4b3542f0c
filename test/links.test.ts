import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { pages, readPage } from './support/pages.js';

const root = new URL('..', import.meta.url).pathname;
const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  files: string[];
};
/** What npm packs, with what it always does. */
const shipped = [...files, 'README.md', 'LICENSE', 'package.json'];

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- ]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function anchorsIn(page: string): Set<string> {
  const headings = readPage(page).matchAll(/^#+ (.*)$/gm);
  return new Set([...headings].map(([, heading = '']) => anchorOf(heading)));
}

function isShipped(file: string): boolean {
  return shipped.some((entry) => file === entry || file.startsWith(`${entry}/`));
}

function deadLinks(page: string): string[] {
  const links = readPage(page).matchAll(/\]\(([^)\s]+)\)/g);
  return [...links].flatMap(([, link = '']) => {
    if (/^https?:/.test(link)) return [];
    const [path = '', anchor] = link.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(root, file)) || !isShipped(file)) return [link];
    return anchor === undefined || anchorsIn(file).has(anchor) ? [] : [link];
  });
}

/** Files of the repository that are named without a link, because the package has no sources. */
function missingFiles(page: string): string[] {
  const names = readPage(page).matchAll(
    /`((?:src|test|scripts|bench|ops|docs|examples)\/[^`\s*]*)`/g,
  );
  return [...names].map(([, name = '']) => name).filter((name) => !existsSync(join(root, name)));
}

it.each(pages)('every link of %s leads somewhere, in the package too', (page) => {
  expect(isShipped(page)).toBe(true);
  expect(deadLinks(page)).toEqual([]);
  expect(missingFiles(page)).toEqual([]);
});

it('the README leads to every page, to those of commands by way of their list, and is short', () => {
  const readme = readPage('README.md');
  const index = readPage('docs/options.md');
  const lost = pages.filter((page) => {
    if (page.startsWith('docs/commands/')) return !index.includes(`](${page.slice(5)})`);
    return page !== 'README.md' && !readme.includes(`](${page})`);
  });
  expect(lost).toEqual([]);
  expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(12_000);
});
