import type { Clock } from '../shared/clock.js';

/** For callers that pass no clock: of `shared` this folder imports types only, so not `systemClock`. */
export const localClock: Clock = { now: () => Date.now() };
