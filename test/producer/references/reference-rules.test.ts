import { describe, expect, it } from 'vitest';
import { kindOfType, plainType } from '../../../src/producer/references/files.js';
import {
  countFault,
  fileFault,
  kindFault,
  noRules,
  referenceRules,
} from '../../../src/producer/references/rules.js';

const silent = { referenceMedia: null, requiresFilesApi: null, urlInputSupported: null };
const image = { kind: 'image', maxBytes: 30_000_000, mediaTypes: ['image/png', 'image/jpeg'] };
const pictures = referenceRules({
  ...silent,
  referenceMedia: { maxFiles: 2, fileKinds: ['image'], limits: [image] },
});
const png = (bytes: number) => ({ mediaType: 'image/png', bytes });

describe('the rules of a model', () => {
  it('are those that it names', () => {
    expect(fileFault(png(30_000_000), pictures, 'm')).toBeNull();
    expect(fileFault(png(30_000_001), pictures, 'm')).toBe(
      'has 30.1 MB, and m takes at most 30 MB for an image',
    );
    expect(fileFault({ mediaType: 'image/gif', bytes: 1 }, pictures, 'm')).toBe(
      'is image/gif by its content, and m takes only image/png, image/jpeg',
    );
    expect(fileFault({ mediaType: 'audio/mpeg', bytes: 1 }, pictures, 'm')).toBe(
      'is an audio, and m takes only image references',
    );
    expect(countFault(2, pictures, 'm')).toBeNull();
    expect(countFault(3, pictures, 'm')).toMatch(/^3 references are given, and m takes at most 2$/);
  });

  it('refuse nothing that nobody has named, but for the limits of the Files API', () => {
    expect(referenceRules(silent)).toEqual(noRules);
    expect(countFault(99, noRules, 'm')).toBeNull();
    expect(kindFault('audio', noRules, 'm')).toBeNull();
    expect(fileFault(png(10_000_000), noRules, 'm')).toBeNull();
    expect(fileFault(png(10_000_001), noRules, 'm')).toMatch(/takes at most 10 MB/);
    expect(fileFault({ mediaType: 'video/mp4', bytes: 50_000_001 }, noRules, 'm')).toMatch(/50 MB/);
    expect(fileFault({ mediaType: 'application/pdf', bytes: 1 }, noRules, 'm')).toMatch(
      /is application\/pdf by its content: no image, video or audio/,
    );
  });

  it.each([
    [{}, 'passed_on'],
    [{ urlInputSupported: true }, 'passed_on'],
    [{ urlInputSupported: false }, 'uploaded'],
    [{ requiresFilesApi: true }, 'uploaded'],
    [{ requiresFilesApi: false }, 'passed_on'],
  ])('%o: URLs are %s', (facts, urls) => {
    expect(referenceRules({ ...silent, ...facts }).urls).toBe(urls);
  });
});

it('knows a media type under its other names', () => {
  expect(plainType('audio/x-wav')).toBe(plainType('audio/wav'));
  expect(plainType('audio/x-m4a')).toBe('audio/mp4');
  expect(plainType('video/matroska')).toBe('video/x-matroska');
  expect(plainType('IMAGE/PNG; q=1')).toBe('image/png');
  expect([kindOfType('audio/ogg'), kindOfType('text/plain')]).toEqual(['audio', null]);
});
