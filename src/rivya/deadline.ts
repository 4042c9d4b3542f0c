/** Why a request of ours was given up: by its code, not by its text. */
class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
  readonly code = 'ERR_RIVYA_DEADLINE';
}

/**
 * A time limit and the caller's signal as one signal.
 * AbortSignal.any and .timeout would do, but in Node 20 each call leaves something behind on a signal
 * that lives as long as a worker; here `end` takes everything away.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #onParentAbort = (): void => this.#controller.abort(this.#parent?.reason);
  #timer: NodeJS.Timeout | undefined;

  constructor(parent?: AbortSignal) {
    this.#parent = parent;
    if (parent?.aborted) this.#onParentAbort();
    else parent?.addEventListener('abort', this.#onParentAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts the time anew. */
  arm(timeoutMs: number): void {
    this.disarm();
    this.#timer = setTimeout(() => {
      this.#controller.abort(new DeadlinePassed(`Nothing came within ${timeoutMs} ms.`));
    }, timeoutMs);
  }

  /** Stops the time, as while waiting for our own disk. */
  disarm(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.disarm();
    this.#parent?.removeEventListener('abort', this.#onParentAbort);
  }
}
