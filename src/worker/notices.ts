import type { LineError, LineStatus } from '../shared/manifest-line.js';

/** What a person or a log should hear of while stages work. */
export type Notice =
  | { kind: 'lined'; briefId: string; status: LineStatus; error: LineError | null }
  | { kind: 'parked'; probeInMs: number }
  | { kind: 'credits_back' }
  | { kind: 'capped'; reason: 'cap' | 'day_cap' }
  | { kind: 'paused' }
  | { kind: 'halted'; code: string; message: string; requestId: string | null }
  | { kind: 'throttled'; waitMs: number }
  /** No refusal: the rate-limit headers say that nothing is left. */
  | { kind: 'used_up'; waitMs: number }
  | { kind: 'api_down'; reason: string; waitMs: number }
  /** So many files of finished tasks cannot be fetched yet, the last of them for this reason. */
  | { kind: 'files_due'; count: number; reason: string }
  /** All that is left of the batch waits for a person's yes to so many results, the first of which are named. */
  | { kind: 'approval_awaited'; count: number; first: string[] }
  /** Files of a brief that succeeded are no result. */
  | { kind: 'set_aside'; briefId: string; reason: string }
  /** What decodes pictures cannot be loaded on this machine. */
  | { kind: 'pictures_not_judged' }
  | { kind: 'outcome_unknown'; briefId: string; reason: string }
  /** By a page or a code that nobody knows, while the key works: this brief alone is tried again later. */
  | { kind: 'refused_unexplained'; briefId: string; reason: string }
  | { kind: 'output_trouble'; reason: string }
  /** The folder of the results is not where it was, or another one is there. */
  | { kind: 'folder_away'; out: string }
  /** Another machine keeps the folder of a bucket, and writes what is made. */
  | { kind: 'kept_elsewhere'; machine: string }
  | { kind: 'folder_back'; out: string }
  /** Nothing more is done for the batch by this process. */
  | { kind: 'state_lost'; reason: string };

export type Notify = (notice: Notice) => void;

/** The same trouble is told again only after this long: once, not a thousand times. */
const repeatAfterMs = 60_000;
/** What is waited for an hour, and shown wherever one looks. */
const seldomAfterMs = new Map([
  ['files_due', 20 * 60_000],
  ['pictures_not_judged', Number.POSITIVE_INFINITY],
]);

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
