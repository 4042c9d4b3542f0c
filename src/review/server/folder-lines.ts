import { open, stat } from 'node:fs/promises';
import {
  type FoundLine,
  historyPath,
  lineAt,
  manifestPath,
  readManifest,
  SpanIndex,
  walkHistory,
} from '../../results/manifest.js';
import { DecidedBriefs } from '../../results/take-decisions.js';
import type { Asset, ManifestLine } from '../../shared/manifest-line.js';
import { together } from '../../shared/together.js';

/**
 * What the lines of a folder, and those of its history, name: the briefs that can be decided on, and the files that may be
 * shown. A batch may go on meanwhile: what has come since is read from where the reading ended. Memory: some 45 bytes for
 * a line, 65 for a file.
 */
export class FolderLines {
  private briefs = new DecidedBriefs();
  private readonly manifest: NamingFile;
  private readonly history: NamingFile;
  private count = 0;
  private damaged = 0;
  /** How often the manifest was replaced as a whole, since it was read first. */
  private replaced = -1;
  /** Reads what has come since. */
  readonly refresh = together(() => this.readOn());

  constructor(out: string) {
    this.manifest = new NamingFile(manifestPath(out), {
      linesFrom: (offset) => readManifest(out, offset),
      onRestart: () => {
        this.briefs = new DecidedBriefs();
        this.count = 0;
        this.damaged = 0;
        this.replaced += 1;
      },
      onLine: (line) => {
        this.briefs.add(line);
        this.count += 1;
      },
      onUnreadable: () => {
        this.damaged += 1;
      },
    });
    this.history = new NamingFile(historyPath(out), {
      linesFrom: (offset) => walkHistory(out, () => true, offset),
    });
  }

  private async readOn(): Promise<void> {
    await this.manifest.readOn();
    await this.history.readOn();
  }

  /** Lines of the manifest that can be read, as of the last refresh. */
  get total(): number {
    return this.count;
  }

  /** Lines of it that cannot. */
  get unreadable(): number {
    return this.damaged;
  }

  /** Another number as soon as the manifest has others than before, as after a retry. */
  get rewrites(): number {
    return this.replaced;
  }

  /** Those that can be decided on, as of the last refresh. */
  get decided(): DecidedBriefs {
    return this.briefs;
  }

  /** The file of this path, relative to the folder; null where no line names it. */
  assetAt(path: string): Promise<Asset | null> {
    return this.find(byPath(path), (asset) => asset.path === path);
  }

  /** A file with this hash; null where no line names one. */
  assetOf(sha256: string): Promise<Asset | null> {
    return this.find(byHash(sha256), (asset) => asset.sha256 === sha256);
  }

  private async find(key: string, isIt: (asset: Asset) => boolean): Promise<Asset | null> {
    for (const file of [this.manifest, this.history]) {
      const line = await file.lineNaming(key);
      const asset = line === null ? undefined : filesOf(line).find(isIt);
      if (asset !== undefined) return asset;
    }
    return null;
  }
}

/** What came and was no result is shown, too. */
function filesOf({ assets, aside = [] }: ManifestLine): Asset[] {
  return [...assets, ...aside];
}

const byPath = (path: string) => `path ${path}`;
const byHash = (sha256: string) => `hash ${sha256}`;

interface NamingFileReader {
  linesFrom(offset: number): AsyncGenerator<FoundLine>;
  onRestart?(): void;
  onLine?(line: ManifestLine): void;
  onUnreadable?(): void;
}

/** A file of lines, of which is known where the line stands that names a file. */
class NamingFile {
  private inode = 0;
  /** How far it was read: behind its last whole line. */
  private end = 0;
  private spans = new SpanIndex();

  constructor(
    private readonly path: string,
    private readonly reader: NamingFileReader,
  ) {}

  async readOn(): Promise<void> {
    const found = await stat(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return { ino: 0, size: 0 };
      throw error;
    });
    const isSame = found.ino === this.inode && found.size >= this.end;
    // A retry replaces the manifest as a whole.
    if (!isSame) this.restart(found.ino);
    else if (found.size === this.end) return;
    for await (const line of this.reader.linesFrom(this.end)) this.take(line);
  }

  private restart(inode: number): void {
    this.inode = inode;
    this.end = 0;
    this.spans = new SpanIndex();
    this.reader.onRestart?.();
  }

  private take(found: FoundLine): void {
    // It is being written, or was cut off: its whole is read when it is there.
    if (found.kind === 'torn') return;
    this.end = found.offset + found.length;
    if (found.kind === 'unreadable') this.reader.onUnreadable?.();
    if (found.kind !== 'line') return;
    for (const { path, sha256 } of filesOf(found.line)) {
      this.spans.set(byPath(path), found);
      this.spans.set(byHash(sha256), found);
    }
    this.reader.onLine?.(found.line);
  }

  /** Null as well where the file was replaced since. */
  async lineNaming(key: string): Promise<ManifestLine | null> {
    const span = this.spans.find(key);
    if (span === null) return null;
    const file = await open(this.path, 'r').catch(() => null);
    try {
      return file && (await lineAt(file, span));
    } finally {
      await file?.close();
    }
  }
}
