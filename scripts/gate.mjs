// Everything that must hold before a change lands. `--static` leaves out the tests.
import { spawn, spawnSync } from 'node:child_process';
import { dirname } from 'node:path';

const root = dirname(import.meta.dirname);
const staticChecks = [
  // The longest first: the others take their turns beside it.
  ['types', 'types'],
  ['format and lint', 'lint'],
  ['import arrows and cycles', 'arrows'],
  ['dead code', 'dead-code'],
];
// In one run, in which the waits of some are the turns of others.
const kinds = ['short', 'long', 'page'].flatMap((kind) => ['--project', kind]);

const ended = await Promise.all([one(staticChecks.slice(0, 1)), one(staticChecks.slice(1))]);
settle(ended.flat());
if (!process.argv.includes('--static')) {
  console.log('\n--- build and tests');
  const parameters = ['scripts/test.mjs', ...kinds];
  const { status } = spawnSync(process.execPath, parameters, { cwd: root, stdio: 'inherit' });
  settle([['build and tests', status]]);
}
console.log('\nThe gate is open.');

/** One after the other; what each printed is shown as a whole when it has ended. */
async function one(checks) {
  const results = [];
  for (const [name, script] of checks) {
    const { status, printed } = await quietly(script);
    console.log(`\n--- ${name}\n${printed}`);
    results.push([name, status]);
  }
  return results;
}

function quietly(script) {
  const child = spawn('npm', ['run', '--silent', script], { cwd: root });
  const printed = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => printed.push(chunk));
  }
  return new Promise((resolve) => {
    child.on('close', (status) => resolve({ status, printed: Buffer.concat(printed).toString() }));
  });
}

function settle(results) {
  const failed = results.filter(([, status]) => status !== 0);
  if (failed.length === 0) return;
  console.error(`\nThe gate is shut: ${failed.map(([name]) => name).join(', ')} failed.`);
  process.exit(1);
}
