import { describe, expect, it } from 'vitest';
import { type FetchReference, ReferenceFiles } from '../../../src/producer/references/files.js';
import { readReferences } from '../../../src/producer/references/read-references.js';
import { referenceRules } from '../../../src/producer/references/rules.js';
import type { RowFault } from '../../../src/producer/rejection.js';
import { splitReferences } from '../../../src/producer/rows/row.js';
import type { JsonObject } from '../../../src/shared/json.js';

/** No output comes before. */
const makes = () => null;

function read(references: string[], params: JsonObject = {}) {
  const faults: RowFault[] = [];
  const files = new ReferenceFiles(undefined);
  const input = {
    model: 'any-model',
    rules: undefined,
    folder: '/srv/briefs',
    files,
    column: 'references',
  };
  const { media, ...found } = readReferences({ ...input, makes, references, params }, faults);
  return { ...found, media: media.filter((one) => 'url' in one), faults };
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
  ['ftp://host/lamp.jpg', /is not an https URL$/],
  ['s3://key:secret@bucket/lamp.jpg', /no access key and no port belong in it/],
  ['//cdn.a.example/lamp.jpg', /has no https: in front: write it as "https:\/\/\.\.\."$/],
  ['=IMAGE("https://a.example/lamp.jpg")', /is a formula: the cell must hold the URL itself/],
  ['<img src="https://a.example/lamp.jpg">', /is HTML: give the URL of the picture alone$/],
  ['data:image/png;base64,AAAA', /is a picture as text/],
  [
    'lamp.jpg (https://a.example/1/lamp.jpg?sig=x),b.jpg (https://a.example/2)',
    /an attachment, a name with its URL in brackets: give the URLs alone, with \| between them$/,
  ],
  [
    'https://drive.google.com/file/d/1AbC/view?usp=sharing',
    /is the page of a file: the file itself is "https:\/\/drive\.google\.com\/uc\?export=download&id=1AbC"$/,
  ],
  ['https://www.dropbox.com/s/abc/lamp.jpg?dl=0', /the file itself has dl=1/],
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

it('S8: never repeats what stands behind the ? of a URL, nor a login, in any form', () => {
  const { faults } = read([
    'lamp.jpg (https://user:hunter2@a.example/lamp.jpg?sig=hunter2)',
    '//user:hunter2@a.example/lamp.jpg?sig=hunter2',
    'http://a.example/lamp.jpg?sig=hunter2',
  ]);
  expect(faults).toHaveLength(3);
  expect(JSON.stringify(faults)).not.toContain('hunter2');
});

it('writes a space in a URL as URLs write it', () => {
  expect(read(['https://a.example/a b.jpg?x=ü']).media).toEqual([
    { url: 'https://a.example/a%20b.jpg?x=%C3%BC', kind: 'image' },
  ]);
});

it.each([
  ['https://a.example/1.jpg,https://a.example/2.jpg'],
  ['https://a.example/1.jpg , https://a.example/2.jpg;'],
  ['https://a.example/1.jpg;https://a.example/2.jpg'],
  ['https://a.example/1.jpg\r\nhttps://a.example/2.jpg\n'],
  ['https://a.example/1.jpg https://a.example/2.jpg'],
  [' https://a.example/1.jpg | HTTPS://a.example/2.jpg'],
  ['["https://a.example/1.jpg", "https://a.example/2.jpg"]'],
])('S1: %j is two URLs and never sent as one', (cell) => {
  const urls = splitReferences(cell).map((url) => url.replace(/^HTTPS/, 'https'));
  expect(urls).toEqual(['https://a.example/1.jpg', 'https://a.example/2.jpg']);
});

it.each([
  ['https://a.example/fetch/w_300,h_300/https://b.example/1.jpg'],
  ['https://a.example/?url=https://b.example/1.jpg&w=1'],
  ['photos/1, 2.jpg'],
  ['["https://a.example/1.jpg"'],
])('%j is one reference', (cell) => {
  expect(splitReferences(cell)).toEqual([cell]);
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
    const input = {
      params: {},
      model: 'm',
      makes,
      folder: '/srv/briefs',
      files,
      column: 'references',
    };
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
    const input = {
      params: {},
      model: 'm',
      makes,
      rules: undefined,
      folder: null,
      files,
      column: 'references',
    };
    readReferences({ ...input, references: ['/etc/secret.png'] }, faults);
    expect(faults[0]?.reason).toMatch(/fetched from a URL cannot refer to files/);
  });

  it('tells the kind of a URL without an extension by what the model takes', () => {
    const files = new ReferenceFiles(undefined);
    const input = { params: {}, model: 'm', makes, folder: null, files, column: 'references' };
    const rules = referenceRules({
      referenceMedia: { maxFiles: null, fileKinds: ['video'], limits: [] },
      requiresFilesApi: null,
      urlInputSupported: null,
    });
    const references = ['https://a.example/clip'];
    expect(readReferences({ ...input, rules, references }, []).media).toMatchObject([
      { kind: 'video' },
    ]);
  });
});
