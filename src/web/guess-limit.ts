import ipaddr from 'ipaddr.js';

const freeGuesses = 5;
const firstWaitMs = 1_000;
const longestWaitMs = 60_000;
/** An address that has been quiet for so long starts anew. */
const forgottenAfterMs = 15 * 60_000;
/** Somebody with many addresses costs this much memory and no more. */
const mostAddresses = 10_000;

interface WrongGuesses {
  count: number;
  lastMs: number;
}

/**
 * Slows the guessing of a password: an address that was wrong more than a few times has to wait, twice as long
 * each time. While it waits it is not told whether a guess was right, or it could go on guessing side by side.
 */
export class GuessLimit {
  /** In the order of the last wrong guess, so that the oldest is the first to go. */
  private readonly wrong = new Map<string, WrongGuesses>();

  /** For how long this address is not listened to; 0 when it is. */
  waitMs(address: string, nowMs: number): number {
    const guesses = this.wrong.get(guesser(address));
    if (!guesses || guesses.count <= freeGuesses) return 0;
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (guesses.count - freeGuesses - 1));
    return Math.max(0, guesses.lastMs + waitMs - nowMs);
  }

  noteWrong(address: string, nowMs: number): void {
    const key = guesser(address);
    const before = this.wrong.get(key);
    const fresh = !before || nowMs - before.lastMs > forgottenAfterMs;
    this.wrong.delete(key);
    this.wrong.set(key, { count: fresh ? 1 : before.count + 1, lastMs: nowMs });
    if (this.wrong.size <= mostAddresses) return;
    const [oldest] = this.wrong.keys();
    if (oldest !== undefined) this.wrong.delete(oldest);
  }

  noteRight(address: string): void {
    this.wrong.delete(guesser(address));
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.wrong.size;
  }
}

/** One network of one subscriber in IPv6 has 2 to the 64 addresses: it counts as one. */
function guesser(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  return parsed.parts.slice(0, 4).join(':');
}
