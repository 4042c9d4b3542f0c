import { describe, expect, it } from 'vitest';
import { modelOf, priceKind } from '../../src/shared/brief.js';

const model = 'seedance-2';

describe('priceKind', () => {
  it('S6: is the same for what has nothing to do with the price', () => {
    const kind = priceKind({ model, params: { duration: 5, seed: 1 } });
    expect(priceKind({ model, params: { seed: 2, duration: 5 } })).toBe(kind);
    expect(priceKind({ model, params: { duration: 5, aspectRatio: '1:1' } })).toBe(kind);
    expect(priceKind({ model, params: { duration: 5, negative_prompt: 'rain' } })).toBe(kind);
  });

  it.each([{ duration: 10 }, { duration: '5' }, { resolution: '4k' }, { never_heard_of: 1 }])(
    'S6: differs with %j, which may change the price',
    (params) => {
      const kind = priceKind({ model, params: { duration: 5 } });
      expect(priceKind({ model, params: { duration: 5, ...params } })).not.toBe(kind);
    },
  );

  it('S6: counts references and does not look at their addresses', () => {
    const kindOf = (...urls: string[]) =>
      priceKind({
        model,
        params: { referenceMediaItems: urls.map((url) => ({ url, kind: 'image' })) },
      });
    expect(kindOf('https://a.test/1')).toBe(kindOf('https://a.test/2'));
    expect(kindOf('https://a.test/1')).not.toBe(kindOf('https://a.test/1', 'https://a.test/2'));
    expect(kindOf()).not.toBe(kindOf('https://a.test/1'));
  });

  it('S6: is the bare model where no param counts, and another for another model', () => {
    expect(priceKind({ model, params: {} })).toBe(model);
    expect(priceKind({ model, params: { seed: 1 } })).toBe(model);
    expect(priceKind({ model: 'z-image', params: { duration: 5 } })).not.toBe(
      priceKind({ model, params: { duration: 5 } }),
    );
  });
});

it.each(['seedance-2', 'a model 2', 'x deadbeef'])(
  'the model of a kind of %j is found again',
  (name) => {
    expect(modelOf(priceKind({ model: name, params: {} }))).toBe(name);
    expect(modelOf(priceKind({ model: name, params: { duration: 5 } }))).toBe(name);
  },
);
