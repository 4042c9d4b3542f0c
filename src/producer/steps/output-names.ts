import type { OutputOption } from '../options.js';
import { kindOfType, type MediaKind } from '../references/files.js';
import type { NameMeaning, NameReader } from '../template/scan.js';
import { unknownOutput } from './arrange-outputs.js';

const ofOutput = /^outputs\.(?<output>.+)\.(?<field>text|file)$/s;

/** What an output makes, by its model; null where that is not known, or not yet. */
export type Makes = 'text' | MediaKind | null;

/** @param category of its model, in the list of models */
export function makesOf(category: string | null): Makes {
  return category === 'chat' ? 'text' : kindOfType(category ?? '');
}

/** Where a name stands: in words of an output's, in its references, or where nothing of another output belongs. */
export type NamePlace =
  | { kind: 'text' | 'references'; output: OutputOption }
  | { kind: 'elsewhere' };

/**
 * Reads `outputs.NAME.text` and `outputs.NAME.file`. In a recipe without steps a column may be called so, unless an
 * output of that name shows what was meant; in one with steps such a column is written in brackets.
 */
export class OutputNames {
  readonly #names: readonly string[];
  readonly #hasSteps: boolean;

  constructor(
    outputs: readonly OutputOption[],
    private readonly makes: (output: string) => Makes,
  ) {
    this.#names = outputs.map(({ name }) => name);
    this.#hasSteps = outputs.some(({ after }) => after.length > 0);
  }

  reader(place: NamePlace): NameReader {
    return (name) => this.#read(name, place);
  }

  #read(name: string, place: NamePlace): NameMeaning {
    const { output, field } = ofOutput.exec(name)?.groups ?? {};
    if (output === undefined || (field !== 'text' && field !== 'file')) {
      const isCut = this.#hasSteps && name.startsWith('outputs.');
      const reason = `"${name}" is not complete: write outputs.NAME.text or outputs.NAME.file; a column of this name is written ${inBrackets(name)}`;
      return isCut ? { kind: 'refused', reason } : { kind: 'column' };
    }
    if (!this.#names.includes(output)) {
      const isSeveral = this.#names.some((known) => known.startsWith(`${output}/`));
      if (!this.#hasSteps && !isSeveral) return { kind: 'column' };
      const reason = `${unknownOutput(output, this.#names)}; a column of this name is written ${inBrackets(name)}`;
      return { kind: 'refused', reason };
    }
    const reason = placeFault({ output, field }, place) ?? makesFault(field, output, this.makes);
    if (reason === null) return { kind: 'output', of: { output, field } };
    return { kind: 'refused', reason: `"${name}": ${reason}` };
  }
}

function placeFault(
  { output, field }: { output: string; field: 'text' | 'file' },
  place: NamePlace,
): string | null {
  if (place.kind === 'elsewhere') {
    return 'what an output makes can be used in prompt, params and references of an output that comes after it, and nowhere else';
  }
  const { name, after } = place.output;
  if (output === name) return 'an output cannot use what it makes itself';
  if (!after.includes(output)) {
    const all = [...after, output];
    const written = all.length === 1 ? all.join() : `[${all.join(', ')}]`;
    return `output ${name} does not come after it: add "after: ${written}" to ${name}`;
  }
  if (field === 'file' && place.kind === 'text') {
    return 'a file cannot stand in text: use it in references';
  }
  if (field === 'text' && place.kind === 'references') {
    return 'a text cannot be a reference: use it in prompt or params';
  }
  return null;
}

/** Why an output has no such result, or null. */
export function makesFault(
  field: 'text' | 'file',
  output: string,
  makesOf: (output: string) => Makes,
): string | null {
  const makes = makesOf(output);
  if (makes === null || (makes === 'text') === (field === 'text')) return null;
  return field === 'text'
    ? `${output} makes ${things[makes]} and no text`
    : `${output} answers with text, and makes no file`;
}

const things = { text: 'text', image: 'an image', video: 'a video', audio: 'a sound' };

function inBrackets(name: string): string {
  return `{{ [${JSON.stringify(name)}] }}`;
}
