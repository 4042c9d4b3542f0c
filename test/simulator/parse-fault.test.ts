import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { faultSchema } from '../../src/simulator/faults/fault.js';
import { faultNames, parseFault } from '../../src/simulator/faults/parse-fault.js';

test.each([
  [
    'lose-answer-after-accept:0.05',
    { fault: { kind: 'lose-answer-after-accept' }, probability: 0.05 },
  ],
  ['outage', { fault: { kind: 'outage' } }],
  ['late-answer=100:3x', { fault: { kind: 'late-answer', delayMs: 100 }, times: 3 }],
  [
    'task-fails=nsfw/kept:.5:2x:model=z-image:prompt=a cat',
    {
      fault: { kind: 'task-fails', code: 'nsfw', charge: 'kept', error: 'present' },
      probability: 0.5,
      times: 2,
      when: { model: 'z-image', promptContains: 'a cat' },
    },
  ],
  [
    'refuse=500/odd/absent:endpoint=credits',
    {
      fault: { kind: 'refuse', status: 500, code: 'odd', requestId: 'absent' },
      when: { endpoint: 'credits' },
    },
  ],
])('%s', (text, rule) => {
  expect(parseFault(text)).toEqual(rule);
});

test.each([
  'nonsense',
  'outage=3',
  'outage:often',
  'outage:1.5',
  'outage:0x',
  'late-answer=soon',
  'task-fails=a/b',
  'outage:endpoint=moon',
  '',
])('"%s" is refused by name', (text) => {
  expect(() => parseFault(text)).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringContaining(`"${text}"`) }),
  );
});

test('every fault has a text form', () => {
  const kinds = faultSchema.options.flatMap((group) =>
    group.options.map((option) => option.shape.kind.value),
  );
  expect(faultNames.toSorted()).toEqual(kinds.toSorted());
  for (const name of faultNames) expect(parseFault(name).fault.kind).toBe(name);
});

test('docs/simulator.md tells of every fault', () => {
  const page = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');
  expect(faultNames.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
