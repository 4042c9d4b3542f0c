import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkBatchName, defaultBatchName } from '../../src/shared/batch-name.js';

describe('checkBatchName', () => {
  it.each(['spring', '2026', 'Été-2026', 'a.b_c@d+e', '春の', 'x'.repeat(80)])(
    'takes %s as it is',
    (name) => {
      expect(checkBatchName(name)).toBe(name);
    },
  );

  it.each(['', '.', '..', '-x', '_x', 'a b', 'a/b', 'a\\b', 'a:b', 'a\nb', 'x'.repeat(81), 'a\0'])(
    'refuses %j',
    (name) => {
      expect(() => checkBatchName(name)).toThrowError(expect.objectContaining({ code: 'usage' }));
    },
  );
});

describe('defaultBatchName', () => {
  const ofFile = (file: string) => defaultBatchName({ out: null, held: null, files: [file] });

  it.each([
    ['what its folder holds', { out: '/srv/spring', held: 'first', files: ['in.csv'] }, 'first'],
    ['its folder', { out: '/srv/Spring 2026', held: null, files: ['in.csv'] }, 'Spring-2026'],
    ['its folder, also for stdin', { out: '/srv/spring', held: null, files: ['-'] }, 'spring'],
    ['its file, where the folder gives none', { out: '/', held: null, files: ['in.csv'] }, 'in'],
    ['its file, where there is no folder', { out: null, held: null, files: ['in.csv'] }, 'in'],
  ])('is called after %s', (_, batch, name) => {
    expect(defaultBatchName(batch)).toBe(name);
  });

  it.each([
    ['Spring 2026.csv', 'Spring-2026'],
    ['/tmp/briefs/catalog.v2.jsonl', 'catalog.v2'],
    ['.hidden', 'hidden'],
    ['(draft) été.csv', 'draft-été'],
    ['été.csv', 'été'],
    ['--- a ---.csv', 'a'],
  ])('makes of %s the name %s', (file, name) => {
    expect(ofFile(file)).toBe(name);
  });

  it.each(['-', '###.csv'])('asks for a name where %s gives none', (file) => {
    expect(() => ofFile(file)).toThrowError(expect.objectContaining({ code: 'usage' }));
  });

  it('makes only names that it would take itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (stem) => {
        let name: string;
        try {
          name = ofFile(`${stem}.csv`);
        } catch {
          return;
        }
        expect(checkBatchName(name)).toBe(name);
      }),
    );
  });
});
