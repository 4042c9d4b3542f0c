// Everything that must hold before a change lands. `--static` leaves out the tests.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';

const root = dirname(import.meta.dirname);
const steps = [
  ['format and lint', 'lint'],
  ['types', 'types'],
  ['import arrows and cycles', 'arrows'],
  ['dead code', 'dead-code'],
];
if (!process.argv.includes('--static')) {
  steps.push(
    ['build and tests', 'test'],
    ['crashes that did harm once, many briefs, learning the pace', 'test:long'],
  );
}

for (const [name, script] of steps) {
  console.log(`\n--- ${name}`);
  const { status } = spawnSync('npm', ['run', '--silent', script], { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`\nThe gate is shut: ${name} failed.`);
    process.exit(status ?? 1);
  }
}
console.log('\nThe gate is open.');
