import { defineConfig } from 'vitest/config';

/** Minutes of killing, freezing and filling disks: `npm run crash` runs them too, and `.ci/run` some chaos. */
const longOnes = ['sweep', 'full-disk', 'api-outage', 'redis-trouble', 'chaos'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude:
      process.env.CRASH === 'all' ? [] : longOnes.map((name) => `test/crash/${name}.test.ts`),
    globalSetup: ['test/support/redis-server.ts'],
    // The end-to-end tests mostly wait for locks and poll spacings of the product: more of them than cores.
    maxWorkers: 4,
    maxConcurrency: 8,
    // Files share their worker's modules: loading them anew for each would cost more than most tests.
    isolate: false,
    // A hang is a leak to be found; these only keep a hung test from hanging the suite.
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
