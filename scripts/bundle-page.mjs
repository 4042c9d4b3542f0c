// Puts the page that results are reviewed on into one script and one style: it is served as it is, and written into a
// file that works from disk, where neither can load anything.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { licences } from './bundle.mjs';

/**
 * @param source folder of the page's own code
 * @param folder where `page.js`, `page.css` and the licences of what is in them are written to
 */
export async function bundlePage(source, folder) {
  const bundled = await rolldown({
    input: { page: join(source, 'main.tsx') },
    platform: 'browser',
    tsconfig: join(source, '../../../tsconfig.page.json'),
  });
  const { output } = await bundled.generate({ format: 'iife', minify: true });
  await bundled.close();
  const [chunk] = output;
  writeFileSync(join(folder, 'page.js'), inlineScript(chunk.code));
  writeFileSync(join(folder, 'page.css'), styleOf(source));
  writeFileSync(join(folder, 'THIRD-PARTY.txt'), licences(chunk.moduleIds));
}

/** What would end the element that it stands in, or begin a comment there, is written otherwise. */
function inlineScript(code) {
  return code.replace(/<(?=\/script|!--|script)/gi, '\\x3c');
}

/** `page.css` first: the others use what it defines. Nothing of ours has a comment or a line break in a string. */
function styleOf(source) {
  const others = readdirSync(source).filter((name) => name.endsWith('.css') && name !== 'page.css');
  return ['page.css', ...others.sort()]
    .map((name) => readFileSync(join(source, name), 'utf8'))
    .join('\n')
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replaceAll(';}', '}')
    .trim();
}
