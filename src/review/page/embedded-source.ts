import type { Totals } from '../../results/totals.js';
import type { ReviewBrief } from '../review-brief.js';
import type { PageDecision } from './desk.js';
import type { EmbeddedHead } from './embedded-head.js';
import { type ReviewSource, relativeAddress, type Unsaved } from './source.js';

/** The blocks of data in this document; null where it is a served page, which has none. */
export function readEmbeddedHead(): EmbeddedHead | null {
  const head = document.getElementById('review-head');
  return head === null ? null : (JSON.parse(head.textContent ?? '') as EmbeddedHead);
}

function readEmbeddedBriefs(): ReviewBrief[] {
  const blocks = document.querySelectorAll('script.review-briefs');
  return [...blocks].flatMap((block) => JSON.parse(block.textContent ?? '[]') as ReviewBrief[]);
}

/** The page as a file: its briefs stand in it, and what is decided stays in this browser until it is saved. */
export function embeddedSource(head: EmbeddedHead): ReviewSource {
  // Files of all folders share one store, and a copy of a folder is another one.
  const place = location.pathname.replace(/\/[^/]*$/, '');
  const kept = new KeptDecisions(`rivya-batch review: ${head.batch} in ${place}`, head.page);
  return {
    kind: 'file',
    load: async () => {
      const briefs = readEmbeddedBriefs();
      kept.forgetWhatIsKnown(briefs);
      return { ...head, canDecide: true, briefs };
    },
    totals: async () => {
      const block = document.getElementById('review-totals');
      return block === null ? null : (JSON.parse(block.textContent ?? 'null') as Totals | null);
    },
    keep: async (decisions) => {
      kept.add(decisions);
      return [];
    },
    listen: (_loaded, heard) => {
      heard.decisions(kept.all());
      return kept.listen(heard.decisions);
    },
    fileAddress: relativeAddress,
    thumbnailAddress: (sha256) => `.thumbnails/${sha256.slice(0, 2)}/${sha256}.webp`,
    folder: () => folderOfThisPage() ?? head.folder,
    unsaved: kept,
    pageAddress: (page) => relativeAddress(head.pageNames[page - 1] ?? ''),
  };
}

/** Where the file was opened from; null where that is no file of this machine. */
function folderOfThisPage(): string | null {
  if (location.protocol !== 'file:') return null;
  const path = decodeURIComponent(location.pathname).replace(/\/[^/]*$/, '');
  return /^\/[a-z]:/i.test(path) ? path.slice(1) : path;
}

interface Stored {
  decisions: PageDecision[];
  /** When they were last saved as a file: what is newer is not. */
  savedAt: string;
}

const writeAfterMs = 250;

/**
 * Decisions in this browser, by batch, folder and page of it. One that is written at each key would be written thousands
 * of times: shortly after, and when the page is left.
 */
class KeptDecisions implements Unsaved {
  private readonly key: string;
  private readonly decisions = new Map<string, PageDecision>();
  private savedAt = '';
  private timer: number | undefined;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly prefix: string,
    page: number,
  ) {
    this.key = `${prefix}, page ${page}`;
    this.merge(readStored(this.key));
    addEventListener('pagehide', () => this.write());
    addEventListener('beforeunload', (event) => {
      this.write();
      if (this.count() > 0) event.preventDefault();
    });
  }

  all(): PageDecision[] {
    return [...this.decisions.values()];
  }

  /** What the folder has learned since, and what is about a file that it does not have any more. */
  forgetWhatIsKnown(briefs: readonly ReviewBrief[]): void {
    const byId = new Map(briefs.map((brief) => [brief.id, brief]));
    for (const [id, { attempt, sha256, at }] of this.decisions) {
      const brief = byId.get(id);
      const isOfIt = brief?.attempt === attempt && brief.files[0]?.sha256 === sha256;
      if (!isOfIt || at <= (brief.decision?.at ?? '')) this.decisions.delete(id);
    }
    this.store();
  }

  add(decisions: readonly PageDecision[]): void {
    for (const decision of decisions) this.decisions.set(decision.brief_id, decision);
    this.timer ??= window.setTimeout(() => this.write(), writeAfterMs);
    this.tell();
  }

  /** What is decided in another window of this page. */
  listen(heard: (decisions: PageDecision[]) => void): () => void {
    const change = ({ key }: StorageEvent) => {
      if (key !== this.key) return;
      this.merge(readStored(this.key));
      heard(this.all());
      this.tell();
    };
    addEventListener('storage', change);
    return () => removeEventListener('storage', change);
  }

  count(): number {
    return this.all().filter(({ at }) => at > this.savedAt).length;
  }

  /** Those of all pages of the batch: one file is to be taken over. */
  save(): void {
    this.write();
    const pages = storedKeys(this.prefix).map(readStored);
    const all = pages.some(({ decisions }) => decisions.length > 0)
      ? pages.flatMap(({ decisions }) => decisions)
      : this.all();
    const lines = all.map((decision) => `${JSON.stringify(decision)}\n`);
    const address = URL.createObjectURL(new Blob(lines, { type: 'application/x-ndjson' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = 'decisions.jsonl';
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    this.savedAt = new Date().toISOString();
    this.write();
    this.tell();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private merge({ decisions, savedAt }: Stored): void {
    for (const decision of decisions) {
      const known = this.decisions.get(decision.brief_id);
      if (known === undefined || known.at < decision.at) {
        this.decisions.set(decision.brief_id, decision);
      }
    }
    if (savedAt > this.savedAt) this.savedAt = savedAt;
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    // Another window may have decided meanwhile.
    this.merge(readStored(this.key));
    this.store();
  }

  private store(): void {
    try {
      const stored: Stored = { decisions: this.all(), savedAt: this.savedAt };
      localStorage.setItem(this.key, JSON.stringify(stored));
    } catch {
      // Full, or forbidden: what was decided is still in this window, which asks before it is left.
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

function readStored(key: string): Stored {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Stored>;
    return { decisions: stored.decisions ?? [], savedAt: stored.savedAt ?? '' };
  } catch {
    return { decisions: [], savedAt: '' };
  }
}

function storedKeys(prefix: string): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(`${prefix}, page `));
  } catch {
    return [];
  }
}
