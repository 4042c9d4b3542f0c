import { hash } from 'node:crypto';

/** Of the text's SHA-256. */
const keyWords = 3;
const entriesPerChunk = 1 << 15;
const smallestTable = 1 << 12;
const fullestTable = 0.7;

/**
 * What is known of each of many texts, where a Map would take several hundred bytes for one: 12 bytes for the text, 4 for
 * each word that is kept of it, and 6 to 11 for its slot in a table that is 35 % to 70 % full.
 *
 * Of a text, 96 bits of its SHA-256 are kept. Among n texts two different ones fall together with a probability below
 * n²/2^97: 6e-18 for a million.
 */
export class TextIndex {
  readonly #chunks: Uint32Array[] = [];
  /** Number of the entry plus one; 0 is a free slot. */
  #table = new Uint32Array(smallestTable);
  #size = 0;
  readonly #key = new Uint32Array(keyWords);
  readonly #entryWords: number;

  /** @param words how many are kept of each text */
  constructor(words: number) {
    this.#entryWords = keyWords + words;
  }

  /** How many texts are known. */
  get size(): number {
    return this.#size;
  }

  has(text: string): boolean {
    return this.#table[this.#slotOf(text)] !== 0;
  }

  /** What is kept of a text, to be read and changed; null for one that is not known. */
  find(text: string): Uint32Array | null {
    const entry = this.#table[this.#slotOf(text)] ?? 0;
    return entry > 0 ? this.#wordsOf(entry - 1) : null;
  }

  /** Makes a text known: its words are zeros where it was not. */
  claim(text: string): { kind: 'new' | 'known'; words: Uint32Array } {
    const slot = this.#slotOf(text);
    const entry = this.#table[slot] ?? 0;
    if (entry > 0) return { kind: 'known', words: this.#wordsOf(entry - 1) };
    if (this.#size === this.#chunks.length * entriesPerChunk) {
      this.#chunks.push(new Uint32Array(entriesPerChunk * this.#entryWords));
    }
    const [chunk, offset] = this.#locate(this.#size);
    chunk.set(this.#key, offset);
    this.#size++;
    this.#table[slot] = this.#size;
    if (this.#size > this.#table.length * fullestTable) this.#growTable();
    return { kind: 'new', words: this.#wordsOf(this.#size - 1) };
  }

  #slotOf(text: string): number {
    hexWords(hash('sha256', text, 'hex'), this.#key);
    return this.#findSlot(this.#key);
  }

  /** The slot that holds this key, or the free one where it belongs. */
  #findSlot(key: Uint32Array): number {
    const mask = this.#table.length - 1;
    let slot = (key[0] ?? 0) & mask;
    for (;;) {
      const entry = this.#table[slot] ?? 0;
      if (entry === 0 || this.#hasKey(entry - 1, key)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #hasKey(entry: number, key: Uint32Array): boolean {
    const [chunk, offset] = this.#locate(entry);
    return chunk[offset] === key[0] && chunk[offset + 1] === key[1] && chunk[offset + 2] === key[2];
  }

  #growTable(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    for (let entry = 0; entry < this.#size; entry++) {
      const [chunk, offset] = this.#locate(entry);
      this.#table[this.#findSlot(chunk.subarray(offset, offset + keyWords))] = entry + 1;
    }
  }

  #wordsOf(entry: number): Uint32Array {
    const [chunk, offset] = this.#locate(entry);
    return chunk.subarray(offset + keyWords, offset + this.#entryWords);
  }

  #locate(entry: number): [Uint32Array, number] {
    const chunk = this.#chunks[Math.floor(entry / entriesPerChunk)];
    if (chunk === undefined) throw new RangeError(`the index has no entry ${entry}`);
    return [chunk, (entry % entriesPerChunk) * this.#entryWords];
  }
}

/** Fills words with the first bits of a hash in hex digits: `parseInt` of slices costs several times as much. */
export function hexWords(hex: string, words: Uint32Array): void {
  for (let word = 0; word < words.length; word++) {
    let bits = 0;
    for (let at = word * 8; at < word * 8 + 8; at++) {
      const code = hex.charCodeAt(at);
      // '0' to '9' are 0x30 to 0x39, 'a' to 'f' are 0x61 to 0x66.
      bits = (bits << 4) | ((code & 15) + (code >> 6) * 9);
    }
    words[word] = bits >>> 0;
  }
}
