// The same briefs for every contender: as a table for `rivya-batch`, as JSON for the scripts.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const model = 'z-image';

export function makeBriefs(count) {
  return Array.from({ length: count }, (_, index) => {
    const number = String(index + 1).padStart(4, '0');
    return {
      id: `item-${number}`,
      prompt: `Studio photo of ${markOf(index)} on a plain background`,
    };
  });
}

/** A part of the prompt that no other brief has: by it faults choose their brief, for every contender the same. */
export function markOf(index) {
  return `product ${String(index + 1).padStart(4, '0')}`;
}

export async function writeBriefs(folder, briefs) {
  const rows = briefs.map(({ id, prompt }) => `${id},${prompt}`);
  await writeFile(join(folder, 'briefs.csv'), `id,prompt\n${rows.join('\n')}\n`);
  await writeFile(join(folder, 'briefs.json'), JSON.stringify(briefs));
}
