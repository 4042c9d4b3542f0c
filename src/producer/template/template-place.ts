import { BatchError } from '../../shared/errors.js';

/** Where in an option's text something stands. */
export interface TemplatePlace {
  /** The option or the file; begins every sentence. */
  option: string;
  text: string;
  /** Position in the text, from 0. */
  at: number;
}

/** A fault of the template itself, as a sentence that says where. */
export function templateFault(place: TemplatePlace, reason: string): BatchError {
  const { option, text, at } = place;
  const before = text.slice(0, at).split('\n');
  const character = `character ${(before.at(-1) ?? '').length + 1}`;
  const where = text.includes('\n') ? `line ${before.length}, ${character}` : character;
  return new BatchError('bad_input', `${option}: ${reason} (${where}).`);
}
