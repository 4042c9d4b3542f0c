import type { InputOptions } from './input-options.js';
import { openSource } from './open-source.js';
import type { Source } from './source.js';

/** Each file is opened once, however often it is read: stdin and pipes come only once. */
export class Opening {
  readonly #opened = new Map<string, Promise<Source>>();

  constructor(
    private readonly options: InputOptions,
    private readonly folder: string,
  ) {}

  open(file: string): Promise<Source> {
    const opened = this.#opened.get(file) ?? this.#openFirst(file);
    this.#opened.set(file, opened);
    return opened;
  }

  async #openFirst(file: string): Promise<Source> {
    const source = await openSource(file, this.options, this.folder);
    const begin = this.options.folders?.[this.options.files.indexOf(file)];
    return begin === undefined ? source : { ...source, folder: begin };
  }
}
