/** Characters that some file system or shell takes amiss; letters of every script stay. */
const unsafe = /[^\p{L}\p{M}\p{N}._-]+/gu;
/** Names that Windows keeps for devices, with any extension. */
const reserved = /^(con|prn|aux|nul|(com|lpt)[\d¹²³])(\.|$)/i;
/** Bytes: file systems allow 255, and suffix and extension must fit too. */
const longestBytes = 120;
/** A cell can hold a book: what stands behind this is cut off before anything else is done. */
const longestWanted = 4_096;

/** A brief's id, or the name asked for it, as a file name that is safe on every system; two ids may come out alike. */
export function safeName(wanted: string): string {
  const text = wanted.slice(0, longestWanted).normalize('NFC');
  const name = text
    .replace(unsafe, '_')
    .replace(/^\.+/, '_')
    .replace(/(?<!\.)\.+$/, '_');
  return cutToBytes(name === '' || reserved.test(name) ? `_${name}` : name);
}

/** Cut between characters; never measured as a whole, which would be once for each character too many. */
function cutToBytes(name: string): string {
  let bytes = 0;
  let end = 0;
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > longestBytes) break;
    end += character.length;
  }
  return name.slice(0, end);
}

/** The form in which names are compared: file systems may ignore case, and take `ß` for `SS`, `ς` for `σ`. */
export function canonicalName(wanted: string): string {
  return safeName(wanted).toLowerCase().toUpperCase().toLowerCase();
}
