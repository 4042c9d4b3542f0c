// Puts the compiled command line and library, and all that they import, into a few files: loading a thousand small ones
// takes Node twice as long as everything else that a short command does, and they take twice the disk. What package.json
// names as a dependency is installed beside them, and not among them.
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';

const { dependencies, optionalDependencies } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);
const installed = Object.keys({ ...dependencies, ...optionalDependencies });
/** Native and optional: msgpackr does without. */
const leftOut = ['msgpackr-extract'];

/** @param dist folder of the compiled sources; the bundle is written to its folder `bin`. */
export async function bundle(dist) {
  const bin = join(dist, 'bin');
  const bundled = await rolldown({
    input: {
      'rivya-batch': join(dist, 'cli/main.js'),
      library: join(dist, 'library/rivya-batch.js'),
    },
    platform: 'node',
    checks: { eval: false },
    external: (id) =>
      [...installed, ...leftOut].some((name) => id === name || id.startsWith(`${name}/`)),
    plugins: [keepPlaces(dist, bin)],
  });
  const { output } = await bundled.write({
    dir: bin,
    chunkFileNames: '[name]-[hash].js',
    // A third of the disk is indentation and comments. Names stay as they are, in what is reported to us as well.
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  });
  await bundled.close();
  // Bull Board's pages are files that it serves.
  const board = dirname(createRequire(import.meta.url).resolve('@bull-board/ui/package.json'));
  cpSync(join(board, 'dist'), join(dist, 'monitor/board/ui/dist'), {
    recursive: true,
    filter: (path) => !path.endsWith('.map'),
  });
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  writeFileSync(join(bin, 'THIRD-PARTY.txt'), licences([...modules, join(board, 'index.js')]));
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

/** What the bundle contains of others comes with their licences: a text that several have in common stands there once. */
export function licences(modules) {
  const folders = new Set(
    modules.flatMap((id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []),
  );
  const holders = new Map();
  for (const folder of [...folders].sort()) {
    const text = licenceOf(folder);
    holders.set(text, [...(holders.get(text) ?? []), nameOf(folder)]);
  }
  return [...holders].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`).join('\n\n');
}

function nameOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${version} (${license})`;
}

function licenceOf(folder) {
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  return file && existsSync(join(folder, file))
    ? readFileSync(join(folder, file), 'utf8').trim()
    : '';
}
