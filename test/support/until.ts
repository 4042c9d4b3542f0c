import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Looks until it is so; the test's own time limit ends a wait in vain. A look that costs something, such as a command, is
 * made less often: most of the time belongs to what is waited for.
 */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (;;) {
    const beganMs = performance.now();
    if (await condition()) return;
    await sleep(Math.max(20, 4 * (performance.now() - beganMs)));
  }
}
