/** `2026-11-21`: the day that a cap of a day counts by. */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
