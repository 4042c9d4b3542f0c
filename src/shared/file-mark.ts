import { stat } from 'node:fs/promises';

/**
 * Another text as soon as a file has other content, as far as a look at it from outside can tell; '' for one that is not
 * there. What was read of it need be read again only then.
 */
export async function fileMark(path: string): Promise<string> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return found === null ? '' : `${found.ino} ${found.size} ${found.mtimeMs}`;
}
