import { expect, test } from 'vitest';
import { connectionName, namesOthers, newStoreId } from '../../src/store/redis-address.js';

test('only connections of other stores count', () => {
  const mine = newStoreId();
  const list = (...names: string[]) =>
    names.map((name) => `id=3 addr=/x:0 fd=8 name=${name} db=0 lib-name= \n`).join('');
  const own = connectionName(mine, 'ledger');
  expect(namesOthers(list(own, '', 'bull:c3ByaW5n'), mine)).toBe(false);
  expect(namesOthers(list(own, connectionName(newStoreId(), 'watch')), mine)).toBe(true);
});

test('a name with spaces becomes one that Redis accepts', () => {
  expect(connectionName('id', 'my batch é')).toBe('id:my_batch__');
});
