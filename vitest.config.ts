import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** A test file's name says with which of these it runs; `npm test` runs those whose names say nothing. */
const kinds = [
  // `npm run test:long`, which the gate runs: crashes that did harm once, every way in which a thing can go, budgets, many
  // briefs, input of chance, the pace learned.
  'long',
  // With them: pages in a browser.
  'page',
  // `npm run nightly`: minutes of killing, freezing, filling disks, hundreds of thousands of rows, and a year of nights, on a
  // larger scale than every change needs.
  'nightly',
];

export default defineConfig({
  test: {
    globalSetup: ['test/support/redis-server.ts'],
    // The end-to-end tests mostly wait for locks and poll spacings of the product: so many more of them than cores that the
    // two cores of CI are busy all the time. Each worker more loads all modules once more, and the commands of its tests too.
    maxWorkers: 5,
    maxConcurrency: 7,
    // Files share their worker's modules: loading them anew for each would cost more than most tests.
    isolate: false,
    // A hang is a leak to be found; these only keep a hung test from hanging the suite.
    testTimeout: 300_000,
    hookTimeout: 120_000,
    sequence: {
      // What takes longest begins first: nothing is waited for alone at the end.
      sequencer: class extends BaseSequencer {
        override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
          const sorted = await super.sort(files);
          const rank = ({ project, moduleId }: TestSpecification) =>
            project.name !== 'short' ? 0 : moduleId.includes('/test/e2e/') ? 1 : 2;
          return sorted.toSorted((one, other) => rank(one) - rank(other));
        }
      },
    },
    expect: { poll: { timeout: 60_000 } },
    projects: [
      project('short', ['test/**/*.test.ts'], kinds.map(filesOf)),
      ...kinds.map((kind) => project(kind, [filesOf(kind)])),
    ],
  },
});

function filesOf(kind: string): string {
  return `test/**/*.${kind}.test.ts`;
}

function project(name: string, include: string[], exclude: string[] = []) {
  return { extends: true as const, test: { name, include, exclude } };
}
