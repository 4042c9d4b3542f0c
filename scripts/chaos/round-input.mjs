import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { poison } from './plan-adversary.mjs';
import { createRandom } from './random.mjs';

/**
 * The table of one round, which may be edited: ids stay, and every content is there only once, so that the
 * prompt of a task says which row, and which state of it, was paid.
 */
export class RoundInput {
  #rows;
  #dropped = [];
  #poisoned;

  constructor(place, { briefs, poisoned = false }) {
    this.file = join(place, 'in.csv');
    this.#poisoned = poisoned;
    this.#rows = Array.from({ length: briefs }, (_, index) => this.#newRow(index));
    this.next = briefs;
    this.write();
  }

  /** Id and prompt of what the table asks for now. */
  get wanted() {
    return new Map(this.#rows.map((row) => [idOf(row), promptOf(row)]));
  }

  /** Which row a task was made for. */
  static idOfPrompt(prompt) {
    return `sku-${/Product (\d+)/.exec(prompt)?.[1]}`;
  }

  edit({ seed, rewrite, drop, add, shuffle }) {
    const random = createRandom(seed);
    const take = () => this.#rows.splice(random.between(0, this.#rows.length - 1), 1)[0];
    for (let count = 0; count < drop && this.#rows.length > 2; count += 1)
      this.#dropped.push(take());
    for (let count = 0; count < rewrite; count += 1) {
      const at = random.between(0, this.#rows.length - 1);
      this.#rows[at] = { ...this.#rows[at], version: this.#rows[at].version + 1 };
    }
    for (let count = 0; count < add; count += 1) this.#rows.push(this.#addedRow(random));
    if (shuffle) this.#rows = shuffled(this.#rows, random);
    this.write();
  }

  write() {
    const lines = this.#rows.map((row) => `${idOf(row)},${titleOf(row)}`);
    writeFileSync(`${this.file}.new`, `sku,title\n${lines.join('\n')}\n`);
    renameSync(`${this.file}.new`, this.file);
  }

  /** A row that was there before comes back as it was: it is the same brief, and paid. */
  #addedRow(random) {
    if (this.#dropped.length > 0 && random.chance(0.5)) return this.#dropped.shift();
    this.next += 1;
    return this.#newRow(this.next - 1);
  }

  #newRow(index) {
    return { index, version: 1, poisoned: this.#poisoned && index % 4 === 0 };
  }
}

function idOf({ index }) {
  return `sku-${index}`;
}

function titleOf({ index, version, poisoned }) {
  const words = version === 1 ? '' : ` as of edit ${version}`;
  return `Product ${index}${words}${poisoned ? ` with ${poison}` : ''}`;
}

function promptOf(row) {
  return `Photo of ${titleOf(row)}`;
}

function shuffled(rows, random) {
  return rows
    .map((row) => ({ row, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ row }) => row);
}
