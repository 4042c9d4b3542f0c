interface Entry<Item> {
  dueAt: number;
  item: Item;
}

/** A binary heap of items by due time: what has come due is found without looking at the rest. */
export class DueQueue<Item> {
  readonly #heap: Entry<Item>[] = [];

  add(dueAt: number, item: Item): void {
    const heap = this.#heap;
    let index = heap.push({ dueAt, item }) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#dueAt(parent) <= dueAt) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  /** The earliest item that is due, taken out; undefined when none is. */
  takeDue(now: number): Item | undefined {
    const first = this.#heap[0];
    if (!first || first.dueAt > now) return undefined;
    const last = this.#heap.pop();
    if (last && last !== first) {
      this.#heap[0] = last;
      this.#sink();
    }
    return first.item;
  }

  #sink(): void {
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const child = this.#dueAt(left + 1) < this.#dueAt(left) ? left + 1 : left;
      if (this.#dueAt(child) >= this.#dueAt(index)) return;
      this.#swap(index, child);
      index = child;
    }
  }

  #dueAt(index: number): number {
    return this.#heap[index]?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap;
    [heap[one], heap[other]] = [heap[other] as Entry<Item>, heap[one] as Entry<Item>];
  }
}
