/** What the Files API takes. */
export type MediaKind = 'image' | 'video' | 'audio';

/** One type under several names: as `file-type` calls it -> as the API's documentation does. */
const plainName = new Map([
  ['audio/x-m4a', 'audio/mp4'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/vnd.wave', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/mp3', 'audio/mpeg'],
  ['audio/x-aac', 'audio/aac'],
  ['audio/aacp', 'audio/aac'],
  ['video/x-m4v', 'video/mp4'],
  ['video/matroska', 'video/x-matroska'],
  ['image/jpg', 'image/jpeg'],
]);

/** A media type as it is compared: without parameters, under its plain name. */
export function plainType(mediaType: string): string {
  const type = (mediaType.split(';')[0] ?? '').trim().toLowerCase();
  return plainName.get(type) ?? type;
}

/** Null for what no model can take as a reference. */
export function kindOfType(mediaType: string): MediaKind | null {
  const kind = mediaType.split('/')[0];
  return kind === 'image' || kind === 'video' || kind === 'audio' ? kind : null;
}
