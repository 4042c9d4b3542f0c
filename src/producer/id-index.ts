import { hash } from 'node:crypto';

export type Claim =
  | { kind: 'new' }
  /** Same id, same content. */
  | { kind: 'duplicate' }
  /** Same id, other content; where the first one stands. */
  | { kind: 'clash'; source: number; row: number };

export interface ClaimedRow {
  id: string;
  /** 32 hex digits. */
  fingerprint: string;
  /** Position of the row's file in the input. */
  source: number;
  row: number;
}

/** id: 3 words, content: 3 words, file, row. */
const WORDS_PER_ENTRY = 8;
const ENTRIES_PER_CHUNK = 1 << 15;
const SMALLEST_TABLE = 1 << 12;
const FULLEST_TABLE = 0.7;

/**
 * Who has which id already, in 38 to 43 bytes a row (32 for the entry, 4 for each slot of a table
 * that is 35 % to 70 % full), where a Map of texts would take several hundred.
 *
 * Ids and contents are kept as 96 bits of SHA-256. Among n rows two different ids fall together with
 * a probability below n²/2^97: 6e-18 for a million rows. And even then a row would be dropped without
 * a word only if its content were the same too; with other content it is a rejected row, which is seen.
 *
 * Where a row makes one kind of brief, rows are indexed and not variants: every row has the same number of
 * them, so what stands before the last `/` tells the row, and variants clash exactly when rows do.
 */
export class IdIndex {
  readonly #chunks: Uint32Array[] = [];
  /** Number of the entry plus one; 0 is a free slot. */
  #table = new Uint32Array(SMALLEST_TABLE);
  #size = 0;
  readonly #probe = new Uint32Array(WORDS_PER_ENTRY);

  /** Records the row unless its id is taken. */
  claim(claimed: ClaimedRow): Claim {
    const slot = this.#slotOf(claimed);
    const entry = this.#table[slot] ?? 0;
    if (entry > 0) return this.#compare(entry - 1);
    this.#add(slot);
    return { kind: 'new' };
  }

  /** What `claim` would answer. */
  look(claimed: ClaimedRow): Claim {
    const entry = this.#table[this.#slotOf(claimed)] ?? 0;
    return entry > 0 ? this.#compare(entry - 1) : { kind: 'new' };
  }

  #slotOf({ id, fingerprint, source, row }: ClaimedRow): number {
    const probe = this.#probe;
    const idHash = hash('sha256', id, 'hex');
    for (let word = 0; word < 3; word++) {
      probe[word] = hexWord(idHash, word);
      probe[word + 3] = hexWord(fingerprint, word);
    }
    probe[6] = source;
    probe[7] = row;
    return this.#findSlot(probe);
  }

  #compare(entry: number): Claim {
    const [chunk, offset] = this.#locate(entry);
    for (let word = 3; word < 6; word++) {
      if (chunk[offset + word] === this.#probe[word]) continue;
      return { kind: 'clash', source: chunk[offset + 6] ?? 0, row: chunk[offset + 7] ?? 0 };
    }
    return { kind: 'duplicate' };
  }

  #add(slot: number): void {
    if (this.#size === this.#chunks.length * ENTRIES_PER_CHUNK) {
      this.#chunks.push(new Uint32Array(ENTRIES_PER_CHUNK * WORDS_PER_ENTRY));
    }
    const [chunk, offset] = this.#locate(this.#size);
    chunk.set(this.#probe, offset);
    this.#size++;
    this.#table[slot] = this.#size;
    if (this.#size > this.#table.length * FULLEST_TABLE) this.#growTable();
  }

  /** The slot that holds this id, or the free one where it belongs. */
  #findSlot(words: Uint32Array): number {
    const mask = this.#table.length - 1;
    let slot = (words[0] ?? 0) & mask;
    for (;;) {
      const entry = this.#table[slot] ?? 0;
      if (entry === 0 || this.#hasId(entry - 1, words)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #hasId(entry: number, words: Uint32Array): boolean {
    const [chunk, offset] = this.#locate(entry);
    return (
      chunk[offset] === words[0] && chunk[offset + 1] === words[1] && chunk[offset + 2] === words[2]
    );
  }

  #growTable(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    for (let entry = 0; entry < this.#size; entry++) {
      const [chunk, offset] = this.#locate(entry);
      const slot = this.#findSlot(chunk.subarray(offset, offset + WORDS_PER_ENTRY));
      this.#table[slot] = entry + 1;
    }
  }

  #locate(entry: number): [Uint32Array, number] {
    const chunk = this.#chunks[Math.floor(entry / ENTRIES_PER_CHUNK)];
    if (chunk === undefined) throw new RangeError(`the index has no entry ${entry}`);
    return [chunk, (entry % ENTRIES_PER_CHUNK) * WORDS_PER_ENTRY];
  }
}

/** 32 bits out of hex digits: `parseInt` of a slice costs several times as much. */
function hexWord(hex: string, word: number): number {
  let bits = 0;
  for (let at = word * 8; at < word * 8 + 8; at++) {
    const code = hex.charCodeAt(at);
    // '0' to '9' are 0x30 to 0x39, 'a' to 'f' are 0x61 to 0x66.
    bits = (bits << 4) | ((code & 15) + (code >> 6) * 9);
  }
  return bits >>> 0;
}
