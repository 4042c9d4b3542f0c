// Compiles src/ to dist/, copies what is not TypeScript (Lua scripts, JSON) beside it, and bundles the command line and
// the page that results are reviewed on.
// Does nothing where dist/ was made from these very sources: `npx` runs this again on its first use.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundle } from './bundle.mjs';
import { bundlePage } from './bundle-page.mjs';

const root = dirname(import.meta.dirname);
const finished = join(root, 'dist');
const page = join(root, 'src/review/page');
const stamp = fingerprint([
  'src',
  'scripts/build.mjs',
  'scripts/bundle.mjs',
  'scripts/bundle-page.mjs',
  'tsconfig.json',
  'tsconfig.build.json',
  'tsconfig.page.json',
  'package.json',
  'package-lock.json',
]);
const stampFile = join(finished, '.stamp');
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) await build();

async function build() {
  // Made beside the old one and put in its place as a whole: a command that runs meanwhile finds all its files.
  const fresh = join(root, `dist.${process.pid}.new`);
  const old = join(root, `dist.${process.pid}.old`);
  try {
    await compile(fresh);
    if (existsSync(finished)) renameSync(finished, old);
    renameSync(fresh, finished);
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
}

async function compile(outDir) {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  // Types are checked by `npm run types`: once more here would be the most of a build.
  const parameters = [tsc, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', outDir];
  const compiled = spawnSync(process.execPath, parameters, { cwd: root, stdio: 'inherit' });
  if (compiled.status !== 0) throw new Error('The sources do not compile.');
  cpSync(join(root, 'src'), outDir, {
    recursive: true,
    filter: (path) => !path.endsWith('.ts') && path !== page,
  });
  await bundle(outDir);
  await bundlePage(page, join(outDir, 'review'));
  chmodSync(join(outDir, 'bin/rivya-batch.js'), 0o755);
  writeFileSync(join(outDir, '.stamp'), stamp);
}

function fingerprint(paths) {
  const hash = createHash('sha256');
  for (const path of paths) {
    const whole = join(root, path);
    const files = path.includes('.') ? [whole] : filesIn(whole);
    for (const file of files) hash.update(`${file}\n`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
