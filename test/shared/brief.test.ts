import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  admittedContent,
  type BriefContent,
  clientRequestId,
  contentFingerprint,
  parseBody,
  parseContent,
  requestBody,
} from '../../src/shared/brief.js';

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

const parts = {
  model: 'gpt-5-2-chat',
  prompt: 'An alt text for "Lamp"',
  params: { reasoning_effort: 'low', enable_web_search: true },
  media: [{ url: `sha256:${'a'.repeat(64)}`, kind: 'image' }],
  clientRequestId: 'spring/sku-1',
};

describe('requestBody', () => {
  it('S1: never changes by accident: other bytes under the same key are a conflict', () => {
    expect(requestBody({ ...parts, endpoint: 'generations', model: 'z-image' })).toBe(
      `{"model":"z-image","prompt":"An alt text for \\"Lamp\\"","params":{"enable_web_search":true,"reasoning_effort":"low","referenceMediaItems":[{"kind":"image","url":"sha256:${'a'.repeat(64)}"}]},"client_request_id":"spring/sku-1"}`,
    );
    expect(requestBody({ ...parts, endpoint: 'chat' })).toBe(
      `{"model":"gpt-5-2-chat","message":"An alt text for \\"Lamp\\"","attachments":[{"file_id":"sha256:${'a'.repeat(64)}"}],"enable_web_search":true,"reasoning_effort":"low","client_request_id":"spring/sku-1"}`,
    );
    const bare = { ...parts, params: {}, media: [], clientRequestId: null };
    expect(requestBody({ ...bare, endpoint: 'chat', prompt: 'Hi' })).toBe(
      '{"model":"gpt-5-2-chat","message":"Hi"}',
    );
    expect(requestBody({ ...bare, endpoint: 'generations', prompt: null })).toBe(
      '{"model":"gpt-5-2-chat"}',
    );
  });

  it.each(['generations', 'chat'] as const)('is read back as it was made, for %s', (endpoint) => {
    const { media: _media, clientRequestId: _id, ...given } = parts;
    const body = requestBody({ ...parts, endpoint, media: [] });
    expect(parseBody(body)).toEqual({ ...given, endpoint });
  });
});

describe('clientRequestId', () => {
  it('can be read', () => {
    expect(clientRequestId('spring', 'sku 1/2')).toBe('spring/sku%201/2');
    expect(clientRequestId('Frühling', 'größe "L"')).toBe(
      'Fr%C3%BChling/gr%C3%B6%C3%9Fe%20%22L%22',
    );
  });

  it('is ASCII of at most 128 characters, and no two briefs of a batch share one', () => {
    const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(id, id, (one, other) => {
        const made = clientRequestId('b'.repeat(80), one);
        expect(made).toMatch(/^[!-~]{1,128}$/);
        expect(made).not.toMatch(/%(?![0-9A-F]{2})/);
        const isWhole =
          Buffer.from(one).toString() === one && Buffer.from(other).toString() === other;
        if (isWhole) expect(clientRequestId('b'.repeat(80), other) === made).toBe(one === other);
      }),
    );
  });
});

describe('admittedContent', () => {
  const brief = {
    id: 'a/1',
    fingerprint: 'ab',
    origin: '{"row":2}',
    body: '{"model":"z-image","prompt":"A fox"}',
    waits: false,
  };

  it('S1: names the brief in its request, in none of a life that an earlier version began, and in no draft', () => {
    const named = admittedContent('spring', brief, 'given');
    expect(parseContent(named).body).toBe(
      '{"model":"z-image","prompt":"A fox","client_request_id":"spring/a/1"}',
    );
    expect(parseContent(named).request).toEqual(parseBody(brief.body));
    expect(admittedContent('spring', brief, 'none')).toBe(`${brief.origin}\n${brief.body}`);
    expect(admittedContent('spring', { ...brief, waits: true }, 'given')).toContain(
      `\n${brief.body}`,
    );
  });
});
