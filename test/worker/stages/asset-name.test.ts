import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { canonicalName, safeName } from '../../../src/shared/safe-name.js';
import { type AssetPlace, assetName } from '../../../src/worker/stages/collect.js';

const place: AssetPlace = {
  briefId: 'sku-00123',
  wanted: 'sku-00123',
  attempt: null,
  nonce: '',
  index: 0,
  count: 1,
  extension: 'png',
  name: 'plain',
};

/** Every id that the producer may admit: up to 200 characters without control characters. */
const ids = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  fc.constantFrom('CON', 'nul.txt', '..', '.', '~', ' ', 'a/../../b', 'C:\\x', 'com1', 'COM¹'),
);

describe('safeName', () => {
  it.each([
    ['sku-00123', 'sku-00123'],
    ['Größe_1.v2', 'Größe_1.v2'],
    ['春の🦊', '春の_'],
    ['a/b\\c:d*e?f"g<h>i|j', 'a_b_c_d_e_f_g_h_i_j'],
    ['../../etc/passwd', '__.._etc_passwd'],
    ['..', '_'],
    ['.hidden', '_hidden'],
    ['ends.', 'ends_'],
    ['ends ', 'ends_'],
    ['CON', '_CON'],
    ['con.txt', '_con.txt'],
    ['nul', '_nul'],
    ['Lpt9', '_Lpt9'],
    ['com¹', '_com¹'],
    ['LPT³.x', '_LPT³.x'],
    ['console', 'console'],
    ['com10', 'com10'],
    ['a~b', 'a_b'],
    ['e\u0301', '\u00e9'],
  ])('makes of %j the name %j', (id, name) => {
    expect(safeName(id)).toBe(name);
  });

  it('is safe on Windows, macOS and Linux, whatever the id', () => {
    fc.assert(
      fc.property(ids, (id) => {
        const name = safeName(id);
        expect(name).not.toMatch(/[<>:"/\\|?*~\p{Cc}\p{Zs}]/u);
        expect(name).not.toMatch(/^\.|\.$/);
        expect(name).not.toMatch(/^(con|prn|aux|nul|(com|lpt)[0-9¹²³])(\.|$)/i);
        expect(name).toBe(name.normalize('NFC'));
        expect(Buffer.from(name).toString()).toBe(name);
        expect(Buffer.byteLength(name)).toBeGreaterThan(0);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120);
      }),
      { numRuns: 300 },
    );
  });

  it('cuts between characters, not inside one', () => {
    expect(safeName('ü'.repeat(200))).toBe('ü'.repeat(60));
    expect(safeName('𠮷'.repeat(200))).toBe('𠮷'.repeat(30));
  });

  it.each(['a', '.', '𠮷', 'e\u0301\u0316', '.a', ' '])(
    'measures little of a long name: %j',
    (piece) => {
      const measured = vi.spyOn(Buffer, 'byteLength');
      try {
        const name = safeName(piece.repeat(6_000 / piece.length));
        const characters = measured.mock.calls.reduce(
          (sum, [text]) => sum + String(text).length,
          0,
        );
        expect(characters).toBeLessThanOrEqual(200);
        expect(name).not.toBe('');
      } finally {
        measured.mockRestore();
      }
    },
  );

  it('is no device of Windows after it was cut either', () => {
    expect(safeName(`con.${'x'.repeat(200)}`)).toMatch(/^_con\./);
  });
});

describe('canonicalName', () => {
  it.each([
    ['SKU-1', 'sku-1'],
    ['Größe', 'GRÖSSE'],
    ['ẞ', 'ß'],
    ['ΟΔΟΣ', 'οδος'],
    ['οδοσ', 'οδος'],
    ['\u212a', 'k'],
    ['a b', 'A_B'],
    ['e\u0301', '\u00c9'],
  ])('is the same for %j and %j, which a file system may take for one', (one, other) => {
    expect(canonicalName(one)).toBe(canonicalName(other));
  });

  it('is its own canonical form, so that an id that is one owns its name', () => {
    fc.assert(
      fc.property(ids, (id) => {
        const name = canonicalName(id);
        // A name of full length may grow past it and be cut: then another id owns it, which does no harm.
        fc.pre(Buffer.byteLength(name) < 100);
        expect(canonicalName(name)).toBe(name);
      }),
      { numRuns: 300 },
    );
  });
});

describe('assetName', () => {
  it('is the id where nothing else is needed', () => {
    expect(assetName(place)).toBe('sku-00123.png');
  });

  it('is the name that was asked for, told from a like one by the id', () => {
    const named = { ...place, wanted: 'Lamp 2/red' };
    expect(assetName(named)).toBe('Lamp_2_red.png');
    const [one, other] = ['a', 'b'].map((briefId) =>
      assetName({ ...named, briefId, name: 'needs_suffix' }),
    );
    expect(one).not.toBe(other);
  });

  it('names attempt, place among several, and what tells it from a like id', () => {
    expect(assetName({ ...place, attempt: 2 })).toBe('sku-00123~try2.png');
    expect(assetName({ ...place, count: 3, index: 1 })).toBe('sku-00123~2.png');
    const all = assetName({ ...place, attempt: 2, count: 3, index: 2, name: 'needs_suffix' });
    expect(all).toMatch(/^sku-00123~[0-9a-f]{10}~try2~3\.png$/);
    expect(assetName({ ...place, nonce: 'f1', attempt: 2 })).toBe('sku-00123~f1~try2.png');
  });

  it('S5: two assets of one batch never share a name, whatever briefs, attempts and counts', () => {
    const places = fc.record({
      briefId: fc.constantFrom('a', 'a~1', 'a~try2', 'a_1', 'b', 'a_'),
      attempt: fc.constantFrom(null, 1, 2, 3),
      nonce: fc.constantFrom('', 'f1'),
      index: fc.integer({ min: 0, max: 2 }),
      count: fc.constantFrom(1, 3),
      extension: fc.constant('png'),
    });
    // As claimName decides it: of ids that come out alike, one may have the plain name.
    const nameOf = (briefId: string) => (safeName(briefId) === briefId ? 'plain' : 'needs_suffix');
    fc.assert(
      fc.property(places, places, (one, other) => {
        const [first, second] = [one, other].map((it) => ({
          ...it,
          wanted: it.briefId,
          index: it.count === 1 ? 0 : it.index,
          name: nameOf(it.briefId) as AssetPlace['name'],
        })) as [AssetPlace, AssetPlace];
        // A brief has the same number of files at every attempt that is written.
        fc.pre(first.briefId !== second.briefId || first.count === second.count);
        const same = JSON.stringify(first) === JSON.stringify(second);
        expect(assetName(first).toLowerCase() === assetName(second).toLowerCase()).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it('fits into 255 bytes with everything added', () => {
    const longest = { ...place, wanted: '語'.repeat(200), attempt: 999, count: 999, index: 998 };
    const name = assetName({ ...longest, name: 'needs_suffix', extension: 'x'.repeat(20) });
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
  });
});
