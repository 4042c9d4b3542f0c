import { type FileHandle, open } from 'node:fs/promises';
import { judgeLine } from '../../shared/judge-line.js';
import { readLines } from '../../shared/read-lines.js';

interface Place {
  offset: number;
  length: number;
}

/** The lines of a manifest whose briefs succeeded, by brief; only their places are kept in memory. */
export class SucceededLines {
  private constructor(
    private readonly file: FileHandle,
    private readonly places: ReadonlyMap<string, Place>,
  ) {}

  static async read(path: string): Promise<SucceededLines> {
    const places = new Map<string, Place>();
    for await (const { text, offset, length, end } of readLines(path)) {
      const judged = end === 'torn' || text === '' ? null : judgeLine(text);
      if (judged?.kind !== 'line' || judged.line.status !== 'succeeded') continue;
      places.set(judged.line.brief_id, { offset, length });
    }
    return new SucceededLines(await open(path, 'r'), places);
  }

  async textOf(briefId: string): Promise<string | null> {
    const place = this.places.get(briefId);
    if (place === undefined) return null;
    const { offset, length } = place;
    const { buffer } = await this.file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.toString('utf8').trimEnd();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
