/** The same trouble is told again only after this long: once, not a thousand times. */
const repeatAfterMs = 60_000;
/** What is waited for an hour, and shown wherever one looks. */
const seldomAfterMs = new Map([['files_due', 20 * 60_000]]);

/** Remembers what one reader was told. */
export class NoticeNews {
  private readonly toldAtMs = new Map<string, number>();

  constructor(private readonly now: () => number) {}

  /** Whether it is worth telling; from then on it counts as told. */
  take({ kind }: { kind: string }): 'news' | 'told' {
    const last = this.toldAtMs.get(kind);
    const againAfterMs = seldomAfterMs.get(kind) ?? repeatAfterMs;
    if (last !== undefined && this.now() - last < againAfterMs) return 'told';
    this.toldAtMs.set(kind, this.now());
    // What ended the trouble makes it news again when it comes back.
    if (kind === 'credits_back') this.toldAtMs.delete('parked');
    if (kind === 'parked') this.toldAtMs.delete('credits_back');
    if (kind === 'folder_back') this.toldAtMs.delete('folder_away');
    if (kind === 'folder_away') this.toldAtMs.delete('folder_back');
    return 'news';
  }
}
