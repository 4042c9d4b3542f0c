const fixdate = /^[a-z]{3,9}, .* gmt$/i;
const asctime = /^[a-z]{3} [a-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i;

/** Milliseconds since the epoch of an HTTP date in any of its three forms; null for anything else. */
export function parseHttpDate(text: string): number | null {
  // Date.parse alone reads dates into texts such as "try 12", and asctime in the local zone.
  if (!fixdate.test(text) && !asctime.test(text)) return null;
  const time = Date.parse(asctime.test(text) ? `${text} GMT` : text);
  return Number.isNaN(time) ? null : time;
}
