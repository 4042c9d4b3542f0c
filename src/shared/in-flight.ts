/** Tasks in flight where nobody was told how many may be, until more is learned. */
export const defaultInFlight = 8;
