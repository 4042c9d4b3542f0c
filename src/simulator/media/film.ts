/** The smallest MP4 that programs recognise: a header and an empty film of one second, without a track. */
export function drawFilm(): Buffer {
  return film;
}

const fixedPointOne = 0x00010000;

const film = Buffer.concat([
  box('ftyp', Buffer.from('isom\0\0\x02\0isomiso2mp41', 'latin1')),
  box('moov', box('mvhd', movieHeader())),
]);

function movieHeader(): Buffer {
  const header = Buffer.alloc(100);
  // 1000 units a second, for 1000 units.
  header.writeUInt32BE(1000, 12);
  header.writeUInt32BE(1000, 16);
  header.writeUInt32BE(fixedPointOne, 20);
  header.writeUInt16BE(0x0100, 24);
  // The unit matrix.
  header.writeUInt32BE(fixedPointOne, 36);
  header.writeUInt32BE(fixedPointOne, 52);
  header.writeUInt32BE(0x40000000, 68);
  // The next track would be number 1.
  header.writeUInt32BE(1, 96);
  return header;
}

function box(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length);
  head.write(name, 4, 'latin1');
  return Buffer.concat([head, content]);
}
