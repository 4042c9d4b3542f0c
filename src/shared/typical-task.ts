import { type DurationSketch, durationAt } from './ledger/duration-sketch.js';

/** From a task's end to the check that finds it, roughly. */
const noticeMs = 2_500;

/** How long a task like those of a sketch holds its place in flight, in ms; null of a sketch that counted none. */
export function typicalTaskMs(sketch: DurationSketch): number | null {
  const medianMs = durationAt(sketch, 0.5);
  return medianMs === null ? null : medianMs + noticeMs;
}
