import axe from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

interface Violation {
  id: string;
  help: string;
  nodes: { target: string[]; failureSummary: string }[];
}

/** What axe finds wrong, each with where it is. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  // Without `preload` it asks for no style sheets.
  const found = (await page.evaluate('axe.run(document, { preload: false })')) as {
    violations: Violation[];
    passes: unknown[];
  };
  expect(found.passes.length).toBeGreaterThan(10);
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${help}): ${target} ${failureSummary}`),
  );
}

/** On which pages are looked at. */
export const screens: Record<string, BrowserContextOptions> = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};
