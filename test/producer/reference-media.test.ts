import { expect, it } from 'vitest';
import { readReferences } from '../../src/producer/reference-media.js';
import { ReferenceFiles } from '../../src/producer/references/reference-files.js';
import type { RowFault } from '../../src/producer/rejection.js';
import type { JsonObject } from '../../src/shared/json.js';

function read(references: string[], params: JsonObject = {}) {
  const faults: RowFault[] = [];
  const files = new ReferenceFiles(undefined);
  const input = { model: 'any-model', rules: undefined, folder: '/srv/briefs', files };
  return { ...readReferences({ ...input, references, params }, faults), faults };
}

it('keeps the order, and tells the kind by the extension', () => {
  const { given, media, faults } = read([
    ' https://a.example/x.MP4?token=.png ',
    'https://a.example/voice.mp3#t=1',
    'https://a.example/photo.webp',
    'https://a.example/no-extension',
  ]);
  expect(faults).toEqual([]);
  expect(media.map(({ kind }) => kind)).toEqual(['video', 'audio', 'image', 'image']);
  expect(given[0]).toBe('https://a.example/x.MP4?token=.png');
  expect(media.map(({ url }) => url)).toEqual(given);
});

it.each([
  ['file:///srv/lamp.jpg', /is not an https URL$/],
  ['http://a.example/lamp.jpg', /is not an https URL$/],
  ['s3://bucket/lamp.jpg', /is not an https URL$/],
  ['', /is empty$/],
])('refuses %s', (reference, reason) => {
  const { media, faults } = read([reference]);
  expect(media).toEqual([]);
  expect(faults).toMatchObject([{ kind: 'bad_reference', column: 'references' }]);
  expect(faults[0]?.reason).toMatch(reason);
});

it('S8: never repeats a login that stands in a URL', () => {
  const { faults } = read(['https://user:hunter2@a.example/lamp.jpg']);
  expect(faults[0]?.reason).toBe(
    'a reference to a.example carries a login: give a URL without one',
  );
});

it('refuses references that are given in two ways', () => {
  const { faults } = read(['https://a.example/x.png'], { referenceMediaItems: [] });
  expect(faults[0]?.reason).toMatch(/given twice/);
  expect(read([], { referenceMediaItems: [] }).faults).toEqual([]);
});
