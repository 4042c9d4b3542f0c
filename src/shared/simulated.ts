/** Stands for the simulator that `run --simulate` starts, whatever its port: no batch of it is ever taken for a real one (S1). */
export const simulatedOrigin = 'http://simulator.invalid';

/** Whether a batch, or the journal of one, is of the simulator. */
export function isSimulated({ origin }: { origin: string }): boolean {
  return origin === simulatedOrigin;
}
