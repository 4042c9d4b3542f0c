// Puts the compiled command line and all that it imports into a few files: loading a thousand small ones
// takes Node twice as long as everything else that a short command does.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';

/** @param dist folder of the compiled sources; the bundle is written to its folder `bin`. */
export async function bundle(dist) {
  const bin = join(dist, 'bin');
  const bundled = await rolldown({
    input: { 'rivya-batch': join(dist, 'cli/main.js') },
    platform: 'node',
    // msgpackr-extract is optional and native: found beside msgpackr, or not at all. So is what sharp decodes with. Bull
    // Board serves files of its own packages, and looks for them where it is itself.
    external: ['msgpackr-extract', 'sharp', /^@bull-board\//],
    plugins: [keepPlaces(dist, bin)],
  });
  const { output } = await bundled.write({ dir: bin, chunkFileNames: '[name]-[hash].js' });
  await bundled.close();
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  writeFileSync(join(bin, 'THIRD-PARTY.txt'), licences(modules));
}

/** A module of ours reads the files beside it (Lua scripts, JSON) where it was compiled to. */
function keepPlaces(dist, bin) {
  return {
    name: 'keep-places',
    transform(code, id) {
      if (!id.startsWith(dist + sep) || !code.includes('import.meta.url')) return null;
      const place = JSON.stringify(relative(bin, id).replaceAll(sep, '/'));
      return code.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`);
    },
  };
}

/** What the bundle contains of others comes with their licences. */
export function licences(modules) {
  const folders = new Set(
    modules.flatMap((id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []),
  );
  return [...folders].sort().map(licenceOf).join('\n\n');
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text =
    file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : '';
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}
