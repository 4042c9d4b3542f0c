import { describe, expect, it } from 'vitest';
import {
  type BodyParts,
  contentFingerprint,
  contentOfLine,
  draftContent,
  fingerprintOf,
  parseContent,
  requestBody,
  rewordedContent,
  wordsIn,
} from '../../src/shared/brief.js';
import { type Draft, draftFingerprint, draftText } from '../../src/shared/draft.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { manifestLine } from './manifest-lines.js';

const words = 'A {{red}} "fox"\n— sha256:…';
const rows = 'A fox in the snow';
const origin = { row: 2, source: 'a.csv', references: [], metadata: null, input: { sku: '1' } };
const file = `sha256:${'a'.repeat(64)}`;

function content(patch: Partial<BodyParts> = {}): string {
  const body = requestBody({
    ...{ endpoint: 'generations', model: 'z-image', prompt: rows, params: { seed: 7 } },
    ...{ media: [{ url: file, kind: 'image' }], clientRequestId: 'spring/1' },
    ...patch,
  });
  return `${JSON.stringify(origin)}\n${body}`;
}

/** As a worker would leave it. */
function lineOf(text: string, patch: Partial<ManifestLine> = {}): ManifestLine {
  const { origin: made, request } = parseContent(text);
  const { inputPrompt, draft, after } = made;
  return manifestLine({
    ...{ model: request.model, prompt: request.prompt, params: request.params },
    ...(request.endpoint === 'chat' && { text: 'Well.' }),
    ...(inputPrompt !== undefined && { input_prompt: inputPrompt }),
    ...(draft !== undefined && { draft }),
    ...(after !== undefined && { after }),
    ...patch,
  });
}

describe('rewordedContent', () => {
  it.each([
    ['generations', 'prompt'],
    ['chat', 'message'],
  ] as const)('takes words literally, and leaves all else as it is, for %s', (endpoint, member) => {
    const reworded = rewordedContent(content({ endpoint }), words);
    expect(reworded.slice(reworded.indexOf('\n') + 1)).toBe(
      content({ endpoint, prompt: words }).split('\n')[1],
    );
    expect(JSON.parse(reworded.split('\n')[1] ?? '')).toHaveProperty(member, words);
    expect(parseContent(reworded).origin).toEqual({ ...origin, inputPrompt: rows });
    expect(wordsIn(reworded)).toBe(words);
    expect(wordsIn(content({ endpoint }))).toBeNull();
  });

  it('knows the row’s through many changes, and forgets it where that is what is wanted again', () => {
    const twice = rewordedContent(rewordedContent(content(), words), 'A cat');
    expect(parseContent(twice).origin.inputPrompt).toBe(rows);
    expect(wordsIn(twice)).toBe('A cat');
    expect(rewordedContent(twice, rows)).toBe(content());
  });

  it('leaves a brief alone that has no prompt', () => {
    expect(rewordedContent(content({ prompt: null }), words)).toBe(content({ prompt: null }));
  });

  it.each(['generations', 'chat'] as const)(
    'S1: makes the same request of what the ledger kept and of what its line says, for %s',
    (endpoint) => {
      const text = rewordedContent(
        content({ endpoint, clientRequestId: 'spring/sku-00123' }),
        words,
      );
      const ofLine = contentOfLine(lineOf(text));
      expect(parseContent(ofLine).body).toBe(parseContent(text).body);
      expect(parseContent(ofLine).origin.inputPrompt).toBe(rows);
      expect(rewordedContent(ofLine, rows)).not.toContain('inputPrompt');
    },
  );
});

describe('the fingerprint of a reworded line', () => {
  it.each(['generations', 'chat'] as const)('S1: is that of its row, for %s', (endpoint) => {
    const text = content({ endpoint });
    const known = { model: 'z-image', params: { seed: 7 }, references: [file] };
    const given = { references: ['lamp.png'] };
    const fingerprint = contentFingerprint({ ...known, prompt: rows });
    expect(fingerprintOf(lineOf(text, given))).toBe(fingerprint);
    expect(fingerprintOf(lineOf(rewordedContent(text, words), given))).toBe(fingerprint);
  });
});

describe('a reworded step', () => {
  const hole = { output: 'caption', text: [] };
  const draft: Draft = {
    ...{ endpoint: 'generations', model: 'z-image', prompt: ['A fox: ', hole] },
    ...{ params: {}, texts: {}, references: [{ output: 'still', file: true }] },
  };
  const after = [{ output: 'caption', id: '1/caption', fingerprint: 'ab' }];
  const waiting = `${JSON.stringify({ ...origin, after })}\n${draftText(draft)}`;
  const fingerprint = draftFingerprint(draft, ['ab']);

  it('says so in its draft, and takes the text of no other output', () => {
    const { origin: made, body } = parseContent(rewordedContent(waiting, words));
    expect(body).toBe(draftText({ ...draft, prompt: [words] }));
    expect(made.inputPrompt).toEqual(draft.prompt);
    const again = rewordedContent(rewordedContent(waiting, words), 'A cat');
    expect(parseContent(again).origin.inputPrompt).toEqual(draft.prompt);
  });

  it('S1: is what its row says, sent or not, and is fixed again with the same words', () => {
    const unsent = rewordedContent(waiting, words);
    const requests = { submits: 0, status_checks: 0 };
    const never = lineOf(unsent, { draft: { ...draft, prompt: [words] }, requests });
    expect(fingerprintOf(never)).toBe(fingerprint);
    expect(parseContent(contentOfLine(never)).body).toBe(parseContent(unsent).body);

    const { origin: made } = parseContent(unsent);
    const fixed = `${JSON.stringify({ ...made, draft: { ...draft, prompt: [words] } })}\n${content({ prompt: words }).split('\n')[1]}`;
    expect(fingerprintOf(lineOf(fixed))).toBe(fingerprint);
    const anew = parseContent(draftContent(contentOfLine(lineOf(fixed))));
    expect(anew.body).toBe(parseContent(unsent).body);
    expect(anew.origin.inputPrompt).toEqual(draft.prompt);
    expect(wordsIn(fixed)).toBe(words);
  });

  it('whose body is fixed already says so in both', () => {
    const fixed = `${JSON.stringify({ ...origin, after, draft })}\n${content().split('\n')[1]}`;
    const { origin: made, request } = parseContent(rewordedContent(fixed, words));
    expect(request.prompt).toBe(words);
    expect(made.draft?.prompt).toEqual([words]);
    expect(made.inputPrompt).toEqual(draft.prompt);
  });
});
