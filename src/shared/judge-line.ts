import { parseJson } from './json.js';
import { type ManifestLine, manifestLineSchema } from './manifest-line.js';

export type JudgedLine =
  | { kind: 'line'; line: ManifestLine }
  /** `reason` ends a sentence that begins with the line. */
  | { kind: 'unreadable'; reason: string };

/** Reads a line of a manifest that may have been damaged: unlike where it is written, that is no surprise here. */
export function judgeLine(text: string): JudgedLine {
  const json = parseJson(text);
  if (json === undefined) return { kind: 'unreadable', reason: 'it is not JSON' };
  const parsed = manifestLineSchema.safeParse(json);
  if (parsed.success) return { kind: 'line', line: parsed.data };
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') || 'the whole';
  return { kind: 'unreadable', reason: `${field}: ${issue?.message ?? 'not as it should be'}` };
}
