import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from '../../shared/errors.js';
import { simulatedOrigin } from '../../shared/simulated.js';
import type { CommandSetup } from '../setup.js';

/** It opens nothing; with the origin it makes an account of its own, so that nothing real is shared. */
const simulatedKey = 'rvya_sk_simulated';
/** More than any input costs: nobody buys credits here. */
const simulatedCredits = 1_000_000_000;
/** Tasks are done so much faster than in life: a first try should not take a coffee. */
const simulatedSpeed = 5;

/** What is said wherever somebody could take a simulated batch for a real one. */
export const simulatedText =
  'SIMULATED: nothing is sent to Rivya and no credits are spent; the results are placeholders.';

/** Works with a simulator in this process in place of the API; an API key is neither needed nor used. */
export async function withSimulator<T>(
  setup: CommandSetup,
  batch: string,
  work: (simulated: CommandSetup, kept: KeptSimulator) => Promise<T>,
): Promise<T> {
  const keptIn = await stateFile(setup.settings.home, batch);
  const { startSimulator } = await import('../../simulator/start-simulator.js');
  const simulator = await startSimulator({
    ...{ credits: simulatedCredits, speed: simulatedSpeed, keptIn },
  });
  try {
    const settings = {
      ...setup.settings,
      origin: simulatedOrigin,
      apiKey: simulatedKey,
      // It is what the real one is called.
      keyLabel: null,
      simulatorPort: simulator.port,
    };
    return await work({ ...setup, settings }, { forget: () => rm(keptIn, { force: true }) });
  } finally {
    await simulator.close();
  }
}

/** What the simulator keeps of a batch's tasks, so that a run that was cut off can be continued like a real one. */
export interface KeptSimulator {
  forget(): Promise<void>;
}

async function stateFile(home: string, batch: string): Promise<string> {
  const folder = join(home, 'simulated');
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new BatchError(
      'output_unusable',
      `--simulate keeps its tasks in ${folder}, which cannot be made: set RIVYA_BATCH_HOME to another folder.`,
      { cause: error },
    );
  }
  // A name may be too long for a file, and differ from another by its case alone.
  const name = createHash('sha256').update(batch).digest('hex').slice(0, 16);
  return join(folder, `${name}.jsonl`);
}
