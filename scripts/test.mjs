// `npm test` on a fresh machine: provides Redis, builds, runs all tests, closes with one plain line.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureChromium } from './provide-chromium.mjs';
import { ensureRedisServer } from './provide-redis.mjs';
import { ensureShells } from './provide-shells.mjs';

const root = dirname(import.meta.dirname);
ensureRedisServer();
if (process.argv.includes('long')) ensureShells();
if (['page', 'nightly'].some((kind) => process.argv.includes(kind))) {
  process.env.CHROMIUM = ensureChromium();
}

const built = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(built.status ?? 1);

const folder = mkdtempSync(join(tmpdir(), 'rivya-batch-test-'));
const report = join(folder, 'report.json');
const tested = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
);
let exitCode = tested.status ?? 1;
try {
  const { numPassedTests, numFailedTests, numFailedTestSuites, success } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  // A test file that cannot even be loaded counts as a failure, though none of its tests ran.
  const failed = numFailedTests || (success ? 0 : Math.max(1, numFailedTestSuites));
  console.log(`${numPassedTests} passed, ${failed} failed`);
  if (failed > 0 || numPassedTests === 0) exitCode = exitCode || 1;
} catch {
  console.error('The tests ended without a report.');
  exitCode = exitCode || 1;
}
rmSync(folder, { recursive: true, force: true });
process.exit(exitCode);
