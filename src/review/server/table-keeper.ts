import { refreshTable } from '../../results/manifest.js';
import { together } from '../../shared/together.js';

/** As soon as nobody has decided anything for so long, and not later than the next. */
const quietMs = 2_000;
const latestMs = 30_000;

/**
 * Keeps `manifest.csv` to what is decided: it is written as a whole, so not at each click, but soon after. Whoever needs it
 * to the moment exports it; whoever ends a batch writes it, too.
 */
export class TableKeeper {
  private timer: NodeJS.Timeout | null = null;
  /** Since when there is something that it does not have; null: it has all. */
  private dueSinceMs: number | null = null;
  private told = '';
  private readonly write = together(() => this.writeNow());

  constructor(
    private readonly out: string,
    private readonly warn: (sentence: string) => void,
  ) {}

  refreshSoon(): void {
    const nowMs = performance.now();
    this.dueSinceMs ??= nowMs;
    if (this.timer !== null) clearTimeout(this.timer);
    const waitMs = Math.max(0, Math.min(quietMs, this.dueSinceMs + latestMs - nowMs));
    this.timer = setTimeout(() => void this.write(), waitMs);
  }

  /** Writes what is due, and nothing any more after that. */
  async close(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    await this.write();
  }

  private async writeNow(): Promise<void> {
    if (this.dueSinceMs === null) return;
    this.timer = null;
    this.dueSinceMs = null;
    try {
      await refreshTable(this.out);
      this.told = '';
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== this.told) {
        this.warn(`The decisions are saved, but manifest.csv could not be written again: ${why}`);
      }
      this.told = why;
    }
  }
}
