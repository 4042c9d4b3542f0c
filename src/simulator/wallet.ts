/** The account's credits, shared by all keys. May go below zero when a task settles above its price. */
export class Wallet {
  #balance: number;

  constructor(balance: number) {
    this.#balance = balance;
  }

  get balance(): number {
    return this.#balance;
  }

  covers(credits: number): boolean {
    return this.#balance >= credits;
  }

  add(credits: number): void {
    this.#balance += credits;
  }

  set(credits: number): void {
    this.#balance = credits;
  }
}
