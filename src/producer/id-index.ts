import { hexWords, TextIndex } from '../shared/text-index.js';

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

const contentWords = 3;

/**
 * Who has which id already, in 38 to 43 bytes a row.
 *
 * Of contents 96 bits are kept, as of ids. Should two different ids fall together, a row would be dropped without a word
 * only if its content were the same too; with other content it is a rejected row, which is seen.
 *
 * Where a row makes one kind of brief, rows are indexed and not variants: every row has the same number of
 * them, so what stands before the last `/` tells the row, and variants clash exactly when rows do.
 */
export class IdIndex {
  /** Content: 3 words, file, row. */
  readonly #rows = new TextIndex(contentWords + 2);
  readonly #content = new Uint32Array(contentWords);

  /** Records the row unless its id is taken. */
  claim(claimed: ClaimedRow): Claim {
    const { kind, words } = this.#rows.claim(claimed.id);
    hexWords(claimed.fingerprint, this.#content);
    if (kind === 'known') return this.#compare(words);
    words.set(this.#content);
    words[contentWords] = claimed.source;
    words[contentWords + 1] = claimed.row;
    return { kind: 'new' };
  }

  /** What `claim` would answer. */
  look({ id, fingerprint }: ClaimedRow): Claim {
    const words = this.#rows.find(id);
    hexWords(fingerprint, this.#content);
    return words === null ? { kind: 'new' } : this.#compare(words);
  }

  #compare(words: Uint32Array): Claim {
    if (this.#content.every((word, at) => word === words[at])) return { kind: 'duplicate' };
    return { kind: 'clash', source: words[contentWords] ?? 0, row: words[contentWords + 1] ?? 0 };
  }
}
