import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { itemAddresses } from '../../src/shared/reference-items.js';
import { renderPicture } from '../../src/simulator/media/picture.js';
import type { Desk } from './cli.js';

/** A picture like no other of another number. */
export function picture(number: number): Buffer {
  return renderPicture({ prompt: `p${number}`, params: {}, label: `${number}`, variant: 1 });
}

export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** `photos/1.png` and so on in the desk's folder; returns their hashes. */
export async function writePictures(desk: Desk, count: number): Promise<string[]> {
  await mkdir(join(desk.folder, 'photos'), { recursive: true });
  const hashes: string[] = [];
  for (let number = 1; number <= count; number++) {
    const content = picture(number);
    await desk.write(`photos/${number}.png`, content);
    hashes.push(sha256Of(content));
  }
  return hashes;
}

/** Each row refers to the two files that `filesOf` names, by number. */
export function shotsCsv(count: number, filesOf: (row: number) => number[]): string {
  const rows = Array.from({ length: count }, (_, index) => {
    const files = filesOf(index).map((number) => `photos/${number}.png`);
    return `s${index + 1},Shot ${index + 1},${files.join('|')}`;
  });
  return `id,prompt,references\n${rows.join('\n')}\n`;
}

/** Prompt of each task -> hashes of the files that it was asked with, in their order. */
export function filesByPrompt(desk: Desk): Map<string, string[]> {
  const uploads = new Map(desk.simulator.uploads().map((file) => [file.id, file.sha256]));
  return new Map(
    desk.simulator.asked().map(({ prompt, params }) => [
      prompt,
      itemAddresses(params.referenceMediaItems).map((url) => {
        const id = new URL(url).pathname.split('/').at(-1) ?? '';
        return uploads.get(id) ?? 'unknown';
      }),
    ]),
  );
}
