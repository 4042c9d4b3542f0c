import { posix } from 'node:path';
import type { Entry, ZipFile } from 'yauzl';
import { openPromise } from 'yauzl';
import { BatchError } from '../../shared/errors.js';
import { sourceFault } from '../sources/source.js';
import { UnpackedBytes } from '../sources/unpacked-bytes.js';

/** A workbook has a few dozen parts; pictures and comments may make it hundreds. */
const mostParts = 20_000;

/** The parts of a workbook's zip file, by their names. */
export class Package {
  private constructor(
    private readonly zip: ZipFile,
    private readonly parts: ReadonlyMap<string, Entry>,
    private readonly label: string,
  ) {}

  /**
   * @param label begins every sentence about the file
   * @throws BatchError `bad_input` for what is no whole zip file
   */
  static async open(path: string, label: string): Promise<Package> {
    const zip = await openPromise(path, { autoClose: false }).catch((error: unknown) => {
      throw sourceFault(label, damaged, error);
    });
    try {
      const parts = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        if (parts.size === mostParts) throw sourceFault(label, 'has more parts than a workbook');
        const name = partName(entry.fileName);
        // A second one of the same name would be read by some programs only.
        if (!parts.has(name)) parts.set(name, entry);
      }
      return new Package(zip, parts, label);
    } catch (error) {
      zip.close();
      throw error instanceof BatchError ? error : sourceFault(label, damaged, error);
    }
  }

  has(name: string): boolean {
    return this.parts.has(partName(name));
  }

  /**
   * A part's bytes, unpacked.
   *
   * @throws BatchError `bad_input` for a part that is missing, damaged, or unpacks to more than it should
   */
  async *read(name: string): AsyncGenerator<Buffer> {
    const entry = this.parts.get(partName(name));
    if (entry === undefined) throw this.fault(`lacks its part ${name}`);
    if (entry.isEncrypted()) throw this.fault('is locked by a password: save it without one');
    const unpacked = new UnpackedBytes(this.label, entry.compressedSize);
    try {
      const stream = await this.zip.openReadStreamPromise(entry);
      for await (const chunk of stream) {
        const bytes = chunk as Buffer;
        unpacked.add(bytes.length);
        yield bytes;
      }
    } catch (error) {
      if (error instanceof BatchError) throw error;
      throw this.fault(damaged, error);
    }
  }

  fault(reason: string, cause?: unknown): BatchError {
    return sourceFault(this.label, reason, cause);
  }

  close(): void {
    this.zip.close();
  }
}

const damaged =
  'is damaged or was not copied completely: open it in the program that made it and save it again, or download it again';

/** Programs write them with and without a slash in front, and Windows does not mind the case. */
function partName(name: string): string {
  return posix.normalize(`/${name.replaceAll('\\', '/')}`).toLowerCase();
}
