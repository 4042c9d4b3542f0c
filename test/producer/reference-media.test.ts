import { describe, expect, it } from 'vitest';
import { readReferences } from '../../src/producer/reference-media.js';
import {
  type FetchReference,
  ReferenceFiles,
} from '../../src/producer/references/reference-files.js';
import { referenceRules } from '../../src/producer/references/reference-rules.js';
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

describe('files', () => {
  const png = { sha256: 'ab'.repeat(32), bytes: 9, mediaType: 'image/png', name: 'x.png' };
  const take: FetchReference = async (url) => ({ kind: 'file', file: { ...png, path: url } });

  it('are asked for first, and then stand there by their content, in the order given', async () => {
    const files = new ReferenceFiles(take);
    const input = { params: {}, model: 'm', folder: '/srv/briefs', files };
    const rules = referenceRules({
      referenceMedia: null,
      requiresFilesApi: true,
      urlInputSupported: null,
    });
    const references = ['https://a.example/x.png?token=secret', '../none.png', '/none.png'];
    const faults: RowFault[] = [];
    const first = readReferences({ ...input, rules, references }, faults);
    expect(faults).toEqual([]);
    expect(first.wanted).toEqual([
      { kind: 'url', url: references[0] },
      { kind: 'path', path: '/srv/none.png' },
      { kind: 'path', path: '/none.png' },
    ]);
    await files.learn(first.wanted);
    const second = readReferences({ ...input, rules, references }, faults);
    expect(second.media).toEqual([{ kind: 'image', url: `sha256:${png.sha256}` }]);
    expect(second.given).toEqual(references);
    expect(faults.map(({ reason }) => reason)).toEqual([
      '"../none.png" is not there',
      '"/none.png" is not there',
    ]);
  });

  it('are refused in an input that came from a URL: it could name any file of this machine', () => {
    const faults: RowFault[] = [];
    const files = new ReferenceFiles(undefined);
    const input = { params: {}, model: 'm', rules: undefined, folder: null, files };
    readReferences({ ...input, references: ['/etc/secret.png'] }, faults);
    expect(faults[0]?.reason).toMatch(/fetched from a URL cannot refer to files/);
  });

  it('tells the kind of a URL without an extension by what the model takes', () => {
    const files = new ReferenceFiles(undefined);
    const input = { params: {}, model: 'm', folder: null, files };
    const rules = referenceRules({
      referenceMedia: { maxFiles: null, fileKinds: ['video'], limits: [] },
      requiresFilesApi: null,
      urlInputSupported: null,
    });
    const references = ['https://a.example/clip'];
    expect(readReferences({ ...input, rules, references }, []).media[0]?.kind).toBe('video');
  });
});
