import { randomUUID } from 'node:crypto';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from './finding.js';

/** Whether results can be written there, and for how long. */
export async function checkFolder(out: string): Promise<Finding> {
  const subject = 'Output folder';
  const probe = join(out, `.${randomUUID()}.probe`);
  try {
    await mkdir(out, { recursive: true });
    await writeFile(probe, 'probe');
    const { bavail, bsize } = await statfs(out);
    const gigabytes = (bavail * bsize) / 1e9;
    return gigabytes < 1
      ? { subject, level: 'warning', text: `${out}: only ${gigabytes.toFixed(2)} GB left` }
      : { subject, level: 'ok', text: `${out}: writable, ${gigabytes.toFixed(0)} GB left` };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return { subject, level: 'error', text: `${out} cannot be written (${code})` };
  } finally {
    await rm(probe, { force: true });
  }
}
