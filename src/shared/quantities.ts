const whole = new Intl.NumberFormat('en');
const hundredths = new Intl.NumberFormat('en', {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});

/** `180,000`: a count for a person. */
export function grouped(count: number): string {
  return whole.format(count);
}

/** The number alone, for where it stands under a head that says what it counts. */
export function creditsNumber(credits: number): string {
  return Number.isInteger(credits) ? grouped(credits) : hundredths.format(credits);
}

export function formatCredits(credits: number): string {
  return `${creditsNumber(credits)} ${Math.abs(credits) === 1 ? 'credit' : 'credits'}`;
}

/** `1 row`, `2 rows`, `2 batches`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** `3 kB`, `17 MB`, `1.8 GB` */
export function formatBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}

export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** A word of a command that is to be typed, as a shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A name out of a file, for a sentence: quoted, and with nothing in it that a terminal would obey. */
export function quoteName(name: string): string {
  return JSON.stringify(name).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
