// The loop that all three scripts have in common: so many at once, a brief whose file exists is skipped (so that
// starting again costs as little as it can), and one failure does not end the rest.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';

const [origin, briefsFile, out, concurrency] = process.argv.slice(2);

/** Where the API, or the adapter in front of it, listens. */
export { origin };
export const apiKey = 'rvya_sk_rivals';
export const params = { aspect_ratio: '1:1' };

/** @param generate (prompt) => URL of the picture */
export async function saveEachBrief(generate) {
  const briefs = JSON.parse(await readFile(briefsFile, 'utf8'));
  const limit = pLimit(Number(concurrency));
  await Promise.all(
    briefs.map(({ id, prompt }) =>
      limit(async () => {
        const file = join(out, `${id}.png`);
        if (existsSync(file)) return;
        try {
          await writeFile(file, await download(await generate(prompt)));
        } catch (error) {
          console.error(`${id}: ${error.message}`);
          process.exitCode = 1;
        }
      }),
    ),
  );
}

async function download(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`download: ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}
