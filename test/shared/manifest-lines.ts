import type { ManifestLine } from '../../src/shared/manifest-line.js';

/** A line as a succeeded brief leaves it, with what a test wants otherwise. */
export function manifestLine(patch: Partial<ManifestLine> = {}): ManifestLine {
  return {
    brief_id: 'sku-00123',
    batch: 'spring',
    seq: 1,
    source: 'spring.csv',
    row: 2,
    status: 'succeeded',
    model: 'z-image',
    prompt: 'A fox in the snow',
    params: { aspect_ratio: '1:1' },
    references: [],
    metadata: null,
    task_id: 'task_1',
    attempt: 1,
    credits: { reserved: 1, final: 1 },
    urls: ['https://media.test/1.png'],
    assets: [
      { path: 'assets/sku-00123.png', bytes: 9, sha256: 'a'.repeat(64), media_type: 'image/png' },
    ],
    error: null,
    requests: { submits: 1, status_checks: 2 },
    times: {
      admitted: '2026-06-01T12:00:00.000Z',
      submitted: '2026-06-01T12:00:01.000Z',
      completed: '2026-06-01T12:00:09.000Z',
      collected: '2026-06-01T12:00:10.000Z',
    },
    input: { sku: '00123' },
    run: 1,
    from: null,
    ...patch,
  };
}
