// Compiles src/ to dist/, copies what is not TypeScript (Lua scripts, JSON) beside it, and bundles the command line and
// the page that results are reviewed on.
// Does nothing where dist/ was made from these very sources: `npx` runs this again on its first use.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = dirname(import.meta.dirname);
const finished = join(root, 'dist');
const page = join(root, 'src/review/page');
const stamp = fingerprint([
  'src',
  'scripts/build.mjs',
  'scripts/bundle.mjs',
  'scripts/bundle-page.mjs',
  'tsconfig.json',
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
  // Loaded where there is something to build: most calls find that there is nothing.
  const { bundle } = await import('./bundle.mjs');
  const { bundlePage } = await import('./bundle-page.mjs');
  const { default: ts } = await import('typescript');
  const compilerOptions = readCompilerOptions(ts);
  const src = join(root, 'src');
  // Types are checked by `npm run types`: here they are only left out, file by file.
  for (const path of filesIn(src)) {
    if (path.startsWith(`${page}/`)) continue;
    const place = join(outDir, relative(src, path));
    mkdirSync(dirname(place), { recursive: true });
    if (!path.endsWith('.ts')) cpSync(path, place);
    else writeJavaScript(path, place.replace(/\.ts$/, '.js'), { ts, compilerOptions });
  }
  await tellCommands(outDir);
  await bundle(outDir);
  await bundlePage(page, join(outDir, 'review'));
  chmodSync(join(outDir, 'bin/rivya-batch.js'), 0o755);
  writeFileSync(join(outDir, '.stamp'), stamp);
}

function readCompilerOptions(ts) {
  const { target, verbatimModuleSyntax } = ts.convertCompilerOptionsFromJson(
    ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config.compilerOptions,
    root,
  ).options;
  return {
    ...{ target, verbatimModuleSyntax, sourceMap: true },
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
}

function writeJavaScript(path, place, { ts, compilerOptions }) {
  const { outputText, sourceMapText, diagnostics } = ts.transpileModule(
    readFileSync(path, 'utf8'),
    { fileName: path, compilerOptions },
  );
  const [fault] = diagnostics ?? [];
  if (fault) throw new Error(`${path}: ${ts.flattenDiagnosticMessageText(fault.messageText, ' ')}`);
  writeFileSync(place, outputText);
  const sources = [relative(dirname(place), path)];
  writeFileSync(`${place}.map`, JSON.stringify({ ...JSON.parse(sourceMapText), sources }));
}

/** What help and completion tell of the commands, without loading them. */
async function tellCommands(outDir) {
  const { createProgram } = await import(join(outDir, 'cli/program.js'));
  const { tellCommand } = await import(join(outDir, 'cli/help/told-commands.js'));
  const { commands } = await createProgram({}, 'all');
  writeFileSync(join(outDir, 'cli/commands.json'), JSON.stringify(commands.map(tellCommand)));
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
