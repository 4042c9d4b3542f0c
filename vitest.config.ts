import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/redis-server.ts'],
    // A hang is a leak to be found; these only keep a hung test from hanging the suite.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
