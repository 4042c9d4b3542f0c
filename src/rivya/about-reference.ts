import type { Refusal } from './outcome.js';

/** No code is documented for an upload that is gone: the sentence is all there is to tell it by. */
const named = /reference|upload|\bfiles?\b|\burls?\b|duration_?token|media ?item/i;

/** Whether a refused submission was refused for what it refers to; taken for it by mistake, one upload is made in vain. */
export function isAboutReference({ kind, code, message }: Refusal): boolean {
  return (kind === 'invalid' || kind === 'not_found') && named.test(`${code} ${message}`);
}
