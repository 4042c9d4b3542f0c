import { constants } from 'node:fs';
import { access } from 'node:fs/promises';

/** Whether a file is on this machine, and ours to read. */
export async function readable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
