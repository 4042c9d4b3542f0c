/**
 * Widths of buckets of time, in seconds, from the narrowest: what a run of two minutes is told by, and one of three
 * nights, or of years. Each is a multiple of the one before, and buckets begin at multiples of their width since the
 * epoch (UTC), so that narrow ones go into wide ones as a whole.
 */
export const bucketWidths: readonly number[] = [
  1, 2, 10, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_419_200,
  29_030_400,
];
