import { defineConfig } from 'vitest/config';

/**
 * Pages in a browser, minutes of killing, freezing and filling disks, many briefs, input of chance, and hours of learning on simulated time: `npm run crash`
 * runs the first two, and `test:long`, which `.ci/run` and `npm run gate` run, what is worth it each time.
 */
const longOnes = [
  'crash/api-outage',
  'crash/chaos',
  'crash/deliver',
  'crash/fleet',
  'crash/full-disk',
  'crash/interleavings',
  'crash/invalid-pictures',
  'crash/lost-folder',
  'crash/lost-state',
  'crash/redis-trouble',
  'crash/review-apply',
  'crash/steps',
  'crash/sweep',
  'e2e/large-change',
  'e2e/large-run',
  'e2e/large-workbook',
  'e2e/library-package',
  'e2e/minute-cron',
  'e2e/schedule-changes',
  'e2e/shop-export',
  'producer/sources/input-fuzz',
  'results/large-manifest',
  'ledger/pace-learning',
];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude:
      process.env.TESTS === 'all'
        ? []
        : ['test/**/*.page.test.ts', ...longOnes.map((name) => `test/${name}.test.ts`)],
    globalSetup: ['test/support/redis-server.ts'],
    // The end-to-end tests mostly wait for locks and poll spacings of the product: more of them than cores.
    maxWorkers: 6,
    maxConcurrency: 6,
    // Files share their worker's modules: loading them anew for each would cost more than most tests.
    isolate: false,
    // A hang is a leak to be found; these only keep a hung test from hanging the suite.
    testTimeout: 300_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
