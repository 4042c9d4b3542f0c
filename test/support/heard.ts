import { appendFileSync } from 'node:fs';

/** What a command of a test printed is kept for `npm run words`, which reads all of it as one list. */
export function keepHeard(
  parameters: readonly string[],
  printed: { stdout: string; stderr: string },
): void {
  const file = process.env.RIVYA_BATCH_HEARD;
  if (!file) return;
  const { stdout, stderr } = printed;
  appendFileSync(file, `${JSON.stringify({ parameters, stdout, stderr })}\n`);
}
