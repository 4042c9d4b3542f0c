import pLimit from 'p-limit';
import { type FoundReference, lookAtFile } from './look-at-file.js';

/** Gets a URL's content into a file. */
export type FetchReference = (url: string) => Promise<FoundReference>;

/** What has to be looked at before a row can be checked. */
export type WantedReference = { kind: 'path'; path: string } | { kind: 'url'; url: string };

const readAtOnce = 8;

/**
 * The references of one input, each read once however many rows share it. Checking a row is synchronous, so what
 * it wants is looked at first, and the row then checked again.
 */
export class ReferenceFiles {
  private readonly found = new Map<string, FoundReference>();

  /** @param fetch absent where URLs cannot be fetched */
  constructor(private readonly fetch: FetchReference | undefined) {}

  /** Undefined for what nobody has looked at yet. */
  look(wanted: WantedReference): FoundReference | undefined {
    return this.found.get(keyOf(wanted));
  }

  async learn(wanted: readonly WantedReference[]): Promise<void> {
    const limit = pLimit(readAtOnce);
    const fresh = new Map(wanted.map((one) => [keyOf(one), one]));
    for (const key of this.found.keys()) fresh.delete(key);
    await Promise.all(
      [...fresh].map(([key, one]) =>
        limit(async () => {
          this.found.set(key, await this.read(one));
        }),
      ),
    );
  }

  private async read(wanted: WantedReference): Promise<FoundReference> {
    if (wanted.kind === 'path') return lookAtFile(wanted.path);
    if (this.fetch) return this.fetch(wanted.url);
    return { kind: 'unusable', reason: 'has to be uploaded, and URLs are not fetched here' };
  }
}

function keyOf(wanted: WantedReference): string {
  return wanted.kind === 'path' ? `path ${wanted.path}` : `url ${wanted.url}`;
}
