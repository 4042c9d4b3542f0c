import type { ReviewBrief } from '../../src/review/review-brief.js';

/** A brief as the page has it, with what a test wants otherwise. */
export function reviewBrief(patch: Partial<ReviewBrief> = {}): ReviewBrief {
  const id = patch.id ?? 'sku-1';
  return {
    id,
    seq: 1,
    row: 2,
    source: 'spring.csv',
    status: 'succeeded',
    model: 'z-image',
    output: null,
    run: 1,
    attempt: 1,
    prompt: 'A fox in the snow',
    params: {},
    columns: {},
    name: null,
    credits: 1,
    reserved: 1,
    times: {
      admitted: '2026-06-01T12:00:00.000Z',
      submitted: '2026-06-01T12:00:01.000Z',
      completed: '2026-06-01T12:00:09.000Z',
      collected: '2026-06-01T12:00:10.000Z',
    },
    error: null,
    text: null,
    files: [
      {
        path: `assets/${id}.png`,
        mediaType: 'image/png',
        bytes: 9,
        sha256: 'a'.repeat(64),
        hasThumbnail: true,
      },
    ],
    references: [],
    after: [],
    decision: null,
    earlier: [],
    ...patch,
  };
}
