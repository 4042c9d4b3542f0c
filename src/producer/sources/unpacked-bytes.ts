import { sourceFault } from './source.js';

/** More than any table that a person has made. */
const mostBytes = 4_000_000_000;
/** So much is unpacked without a look at how small it was. */
const unsuspiciousBytes = 64 * 1024 * 1024;
/** Tables of nothing but equal rows come to about a hundred. */
const largestRatio = 250;

/** Counts what comes out of something packed: a bomb of a few kilobytes must not fill the disk. */
export class UnpackedBytes {
  #bytes = 0;

  constructor(
    private readonly label: string,
    private readonly packedBytes: number,
  ) {}

  /** @throws BatchError `bad_input` where it is more than it should be */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= unsuspiciousBytes) return;
    if (this.#bytes > mostBytes) {
      throw sourceFault(this.label, 'is larger than 4 GB when it is unpacked: split it');
    }
    if (this.#bytes <= largestRatio * this.packedBytes) return;
    const reason = `unpacks to more than ${largestRatio} times its size, which no table does: unpack it yourself and give the file`;
    throw sourceFault(this.label, reason);
  }
}
