import { describe, expect, it } from 'vitest';
import { measureOf, measureText, parseProfile } from '../../../src/review/deliver/profile.js';

describe('a profile', () => {
  it('is read whole, with the words that people write', () => {
    expect(
      parseProfile('size=2000x2000,fit=contain,background=#fff,format=jpeg,quality=90'),
    ).toEqual({
      size: { width: 2000, height: 2000, fit: 'contain', enlarge: false },
      ...{ background: '#ffffff', format: 'jpeg', quality: 90 },
    });
    expect(parseProfile(' Size = 800 x 600 , FIT=Cover, format=JPG, enlarge=YES,')).toEqual({
      size: { width: 800, height: 600, fit: 'cover', enlarge: true },
      ...{ background: null, format: 'jpeg', quality: null },
    });
    expect(parseProfile('format=webp,background=transparent').background).toBe('transparent');
  });

  it.each([
    ['', 'is empty'],
    ['2000x2000', '--deliver, 2000x2000: a part looks like'],
    ['sise=1x1', '--deliver, sise=1x1: there is no "sise": did you mean "size"?'],
    ['foo=bar', 'there is no "foo": the parts are size, fit,'],
    ['size=10x10,size=20x20', '--deliver, size=20x20: size is given more than once'],
    ['size=2000', '--deliver, size=2000: it must be width and height'],
    ['size=0x10', '--deliver, size=0x10: a side has 1 to'],
    ['size=99999x10', '--deliver, size=99999x10: a side has 1 to'],
    ['size=-1x10', '--deliver, size=-1x10: it must be width and height'],
    ['size=10x10,fit=fill', '--deliver, fit=fill: it must be contain, cover or inside'],
    ['fit=cover', '--deliver, fit=cover: it needs a size'],
    ['enlarge=yes', '--deliver, enlarge=yes: it needs a size'],
    ['size=1x1,enlarge=maybe', '--deliver, enlarge=maybe: it must be yes or no'],
    ['format=gif', '--deliver, format=gif: it must be jpeg, png, webp or avif'],
    ['quality=0', '--deliver, quality=0: it must be a whole number from 1 to 100'],
    ['quality=9.5', '--deliver, quality=9.5: it must be'],
    ['format=png,quality=90', '--deliver, quality=90: a PNG keeps every pixel'],
    ['background=', '--deliver, background=: it must be a colour'],
    ['background=#ff', '--deliver, background=#ff: it must be a colour'],
    ['format=jpeg,background=transparent', 'background=transparent: a JPEG cannot be transparent'],
  ])('that is wrong is refused with the part that is: %s', (text, sentence) => {
    expect(() => parseProfile(text)).toThrowError(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(sentence) }),
    );
  });

  it('makes of a picture what it does not say otherwise', () => {
    const profile = parseProfile('size=10x10');
    const of = (type: string) => measureOf(profile, type);
    expect(of('image/jpeg')).toMatchObject({ format: 'jpeg', background: '#ffffff', quality: 90 });
    expect(of('image/webp')).toMatchObject({ format: 'webp', background: 'transparent' });
    expect(of('image/gif')).toMatchObject({ format: 'png', quality: null });
    // Where some of the pictures are JPEGs, these are on white.
    const open = parseProfile('size=10x10,background=transparent');
    expect(measureOf(open, 'image/jpeg').background).toBe('#ffffff');
  });

  it('has one text for the same, and another for anything else', () => {
    const text = (profile: string) => measureText(measureOf(parseProfile(profile), 'image/png'));
    expect(text('size=10x10,format=jpeg')).toBe(
      text('quality=90,background=white,format=jpg,fit=contain,size=10x10,enlarge=no'),
    );
    const others = [
      ...['size=10x11', 'size=10x10', 'size=10x10,fit=cover', 'size=10x10,enlarge=yes'],
      ...['format=jpeg', 'format=webp', 'format=webp,quality=10', 'background=black'],
    ];
    expect(new Set(others.map(text)).size).toBe(others.length);
  });
});
