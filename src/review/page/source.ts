import type { Totals } from '../../results/totals.js';
import type { ReviewData } from '../review-brief.js';
import type { PageDecision } from './desk.js';

/** Decisions that were not taken, each with a sentence that says why. */
export interface NotTaken {
  decision: PageDecision;
  reason: string;
}

/** Where the page has its briefs from, and where what is decided goes: a server, or the very file that it stands in. */
export interface ReviewSource {
  kind: 'served' | 'file';
  /**
   * Loads a page of the briefs that a query finds; a file has one page, and finds nothing itself.
   * @param params as `queryParams` makes them
   */
  load(page: number, params: URLSearchParams): Promise<ReviewData>;
  /** Null where there are none: in a file that an earlier version wrote. */
  totals(): Promise<Totals | null>;
  /** Keeps decisions. @returns those that were not taken */
  keep(decisions: readonly PageDecision[]): Promise<NotTaken[]>;
  /**
   * Calls back with what happens elsewhere to what was loaded, as it happens.
   * @returns what ends it
   */
  listen(loaded: ReviewData, heard: Heard): () => void;
  /** Where a file of the folder is. */
  fileAddress(path: string): string;
  thumbnailAddress(sha256: string): string;
  /** The folder, as it stands in a command. */
  folder(data: ReviewData): string;
  /** Of decisions that live in the browser until they are saved as a file; null where each is kept at once. */
  unsaved: Unsaved | null;
  /** Of the other pages of the batch, from 1. */
  pageAddress(page: number): string;
}

interface Heard {
  decisions(decisions: PageDecision[]): void;
  /** The batch has so many lines now; `anew`: others than were loaded, as after a retry. */
  lines(lines: number, anew: boolean): void;
}

export interface Unsaved {
  count(): number;
  /** Saves all that was decided here as `decisions.jsonl`. */
  save(): void;
  subscribe(listener: () => void): () => void;
}

/** A path of the folder as a relative address: no part of it is read as a scheme, a query or a step upwards. */
export function relativeAddress(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.' && part !== '..');
  // Half a character cannot be encoded.
  const encoded = parts.map((part) =>
    encodeURIComponent(part.replace(/[\ud800-\udfff]/gu, '\ufffd')),
  );
  return `./${encoded.join('/')}`;
}
