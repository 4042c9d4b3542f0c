import { describe, expect, it } from 'vitest';
import { type BriefContent, contentFingerprint } from '../../src/shared/brief.js';

const content: BriefContent = {
  model: 'z-image',
  prompt: 'A fox',
  params: { aspect_ratio: '1:1', seed: 7 },
  references: ['https://a.test/1.png', 'https://a.test/2.png'],
};

describe('contentFingerprint', () => {
  it('S1: never changes by accident, or every known brief would clash with itself', () => {
    expect(contentFingerprint(content)).toBe('4bec57ff7d5fabd0f07fbbbb66147ea3');
  });

  it('is the same for params in another order and with fields that are not content', () => {
    const other = { ...content, params: { seed: 7, aspect_ratio: '1:1' }, row: 12, id: 'x' };
    expect(contentFingerprint(other)).toBe(contentFingerprint(content));
  });

  it.each<[string, Partial<BriefContent>]>([
    ['model', { model: 'qwen-image' }],
    ['prompt', { prompt: 'A fox ' }],
    ['missing prompt', { prompt: null }],
    ['type of a param', { params: { aspect_ratio: '1:1', seed: '7' } }],
    ['order of references', { references: [...content.references].reverse() }],
  ])('differs with another %s', (_what, patch) => {
    expect(contentFingerprint({ ...content, ...patch })).not.toBe(contentFingerprint(content));
  });
});
