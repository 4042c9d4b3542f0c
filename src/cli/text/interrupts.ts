import { ExitCode } from '../../shared/errors.js';

/** Ctrl+C and SIGTERM: the first asks to stop, the second leaves at once (nothing is lost either way). */
export class Interrupts {
  private readonly controller = new AbortController();
  private readonly listener = () => {
    if (this.controller.signal.aborted) process.exit(ExitCode.interrupted);
    this.controller.abort();
  };

  constructor() {
    process.on('SIGINT', this.listener);
    process.on('SIGTERM', this.listener);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  end(): void {
    process.off('SIGINT', this.listener);
    process.off('SIGTERM', this.listener);
  }
}
