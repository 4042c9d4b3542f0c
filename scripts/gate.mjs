// Everything that must hold before a change lands. `--static` leaves out the tests.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';

const root = dirname(import.meta.dirname);
const steps = [
  ['format and lint', 'npx', ['--no-install', 'biome', 'ci', '.']],
  ['types', 'npx', ['--no-install', 'tsc', '-p', 'tsconfig.json']],
  [
    'import arrows and cycles',
    'npx',
    ['--no-install', 'depcruise', '--config', '.dependency-cruiser.cjs', 'src'],
  ],
  ['dead code', 'npx', ['--no-install', 'knip']],
];
if (!process.argv.includes('--static')) steps.push(['build and tests', 'npm', ['test']]);

for (const [name, command, parameters] of steps) {
  console.log(`\n--- ${name}`);
  const { status } = spawnSync(command, parameters, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`\nThe gate is shut: ${name} failed.`);
    process.exit(status ?? 1);
  }
}
console.log('\nThe gate is open.');
