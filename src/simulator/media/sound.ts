import { createHash } from 'node:crypto';

const samplesPerSecond = 8000;
const seconds = 0.8;

/** A short chime as 8-bit mono WAV, its pitch from the text. */
export function drawSound(text: string): Buffer {
  const step = (createHash('sha256').update(text).digest()[0] ?? 0) % 13;
  const hertz = 330 * 2 ** (step / 12);
  const samples = Buffer.alloc(samplesPerSecond * seconds);
  for (let index = 0; index < samples.length; index += 1) {
    const time = index / samplesPerSecond;
    const wave = Math.sin(2 * Math.PI * hertz * time) + 0.4 * Math.sin(4 * Math.PI * hertz * time);
    samples[index] = Math.round(128 + 70 * wave * Math.exp(-5 * time));
  }
  return Buffer.concat([waveHeader(samples.length), samples]);
}

function waveHeader(bytes: number): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  // PCM, one channel.
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(samplesPerSecond, 24);
  header.writeUInt32LE(samplesPerSecond, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(bytes, 40);
  return header;
}
