import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'rivya-batch-input-';
/** Where containers share a folder, a process that is not seen may live all the same: it is given a day. */
const leftForMs = 24 * 3_600_000;

/** A folder of this process' own for what is read of its input, once others' leftovers are gone. */
export async function makeInputFolder(parent = tmpdir(), nowMs = Date.now()): Promise<string> {
  // What a kill left behind may be as large as its input; trouble with it is none of this run's.
  await clearLeftovers(parent, nowMs).catch(() => undefined);
  return mkdtemp(join(parent, `${prefix}${process.pid}-`));
}

async function clearLeftovers(parent: string, nowMs: number): Promise<void> {
  for (const name of await readdir(parent)) {
    const processId = /^rivya-batch-input-(\d+)-/.exec(name)?.[1];
    if (processId === undefined || isAlive(Number(processId))) continue;
    const path = join(parent, name);
    const { mtimeMs } = await stat(path);
    if (nowMs - mtimeMs > leftForMs) await rm(path, { recursive: true, force: true });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // One of another user may not be asked, but is there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
