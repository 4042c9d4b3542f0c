import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BatchLedger } from '../../src/ledger/batch-ledger.js';
import { connect, openLedger } from '../support/ledger.js';

const folder = new URL('../../src/ledger/lua/', import.meta.url);
const scripts = readdirSync(folder).map((file) => ({
  file,
  text: readFileSync(new URL(file, folder), 'utf8'),
}));

describe.each(scripts)('$file', ({ text }) => {
  it('says what it takes and gives, and reads no clock but the shared one', () => {
    expect(text).toMatch(/^-- /);
    if (text.includes('KEYS[')) expect(text).toMatch(/^-- KEYS: 1 /m);
    if (text.includes('ARGV[')) expect(text).toMatch(/^-- ARGV: /m);
    expect(text).not.toMatch(/os\.(time|clock|date)/);
  });

  it('says in its first comment which invariant it serves, or that it serves none', () => {
    const [first] = text.split(/^(?!-- )|^-- KEYS/m);
    expect(first).toMatch(/\bS[1-8]\b|serve no invariant/);
  });

  it('S7: where it asks for the time, the last of its keys is the clock', () => {
    // A long list goes on in the next line.
    const keys = /^-- KEYS: (.*(?:\n-- {3,}.*)*)$/m.exec(text)?.[1] ?? '';
    if (/^--include now$/m.test(text)) expect(keys).toMatch(/(\d|\bN) clock$/);
  });

  it('includes only what there is', () => {
    for (const [, name] of text.matchAll(/^--include (\S+)$/gm)) {
      expect(scripts.map(({ file }) => file)).toContain(`${name}.lua`);
    }
  });
});

it('runs again after Redis has forgotten its scripts, as after a restart', async () => {
  const { admit, redis, stateOf } = await openLedger();
  await admit('a');
  await redis.script('FLUSH');
  expect(await admit('b')).toEqual(['admitted']);
  expect(await stateOf('b')).toMatchObject({ stage: 'admitted', seq: 2 });
});

it('runs on several connections', async () => {
  const { ledger, prefix, batch, account } = await openLedger();
  const other = new BatchLedger(connect(), prefix, batch, account);
  expect(await Promise.all([ledger.repairInFlight(), other.repairInFlight()])).toEqual([0, 0]);
});
