import type { RandomStream } from './random-stream.js';
import type { Settings } from './settings.js';

/** Log-normal durations: assumed, since Rivya documents none. */
const distributions: Record<string, { medianMs: number; sigma: number }> = {
  image: { medianMs: 12_000, sigma: 0.4 },
  video: { medianMs: 90_000, sigma: 0.5 },
  audio: { medianMs: 20_000, sigma: 0.5 },
};

/** The share of a task's time that it spends queued. */
export const queuedShare = 0.25;

/** Milliseconds from acceptance to the end, `speed` applied. */
export function drawDurationMs(category: string, settings: Settings, random: RandomStream): number {
  const { medianMs, sigma } = distributions[category] ?? { medianMs: 12_000, sigma: 0.4 };
  const drawnMs = medianMs * Math.exp(sigma * random.normal());
  return Math.round((settings.durationMs ?? drawnMs) / settings.speed);
}
