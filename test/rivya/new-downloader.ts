import { onTestFinished } from 'vitest';
import { createDownloader, type DownloaderOptions } from '../../src/rivya/download.js';

/** A downloader with generous limits, closed when the test ends. */
export function newDownloader(apiOrigin: string, options: Partial<DownloaderOptions> = {}) {
  const downloader = createDownloader({
    apiOrigin,
    maxBytes: 10_000_000,
    idleTimeoutMs: 5_000,
    ...options,
  });
  onTestFinished(() => downloader.close());
  return downloader;
}

/** A `write` that keeps what it is given. */
export function collector() {
  const chunks: Buffer[] = [];
  const write = async (chunk: Buffer): Promise<void> => {
    chunks.push(Buffer.from(chunk));
  };
  return { write, bytes: () => Buffer.concat(chunks) };
}

/** A promise that the test resolves by hand. */
export function gate() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
