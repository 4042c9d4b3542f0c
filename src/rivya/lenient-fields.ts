/** Readers for fields of answers: what is not as expected is null, never an error (lenient out). */

export function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

export function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A string with something in it. */
export function asText(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** A finite number, also one that was sent as text. */
export function asNumber(value: unknown): number | null {
  const text = asText(value);
  // Number('') is 0: an empty text is no number.
  const number = text === null ? value : Number(text);
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** A number that counts something: below zero it is as good as unsaid. */
export function asAmount(value: unknown): number | null {
  const number = asNumber(value);
  return number !== null && number >= 0 ? number : null;
}

/** True and false, also sent as text; null for all else. */
export function asFlag(value: unknown): boolean | null {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : null;
}
