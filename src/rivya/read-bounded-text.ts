/** A body as text, unless it broke off or would not end. */
export type BoundedText =
  | { kind: 'text'; text: string }
  | { kind: 'too_long' }
  | { kind: 'broken'; error: unknown };

/** Reads at most `maxBytes` of a body; a longer one is given up, its connection with it. */
export async function readBoundedText(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<BoundedText> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > maxBytes) return { kind: 'too_long' };
      chunks.push(chunk);
    }
  } catch (error) {
    return { kind: 'broken', error };
  }
  // TextDecoder, because it drops a byte order mark, which JSON.parse would refuse.
  return { kind: 'text', text: new TextDecoder().decode(Buffer.concat(chunks)) };
}
