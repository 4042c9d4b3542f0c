import { expect, it } from 'vitest';
import {
  likelyHeaderRow,
  rowWithNames,
  tableShape,
} from '../../../src/producer/sources/table-shape.js';

const plain = { format: 'csv', asked: null, headerRow: null, isWhole: true } as const;

it.each([
  ['a,b\n1,2', ','],
  ['a;b\n1,5;2', ';'],
  ['a\tb\n1,5\t2', '\t'],
  ['a|b\n1,5|2', '|'],
  ['"a,b";"c\n,d"\n', ';'],
  ['"say ""x"", y"\tb\n', '\t'],
  ['\r\n  \na;b\n', ';'],
  ['one\n', ','],
  ['one\nwith, a comma\nwith; one more\n', ','],
  // Shops name columns "Categories (x,y,z...)", and write prices with a comma.
  ['Name;Categories (x,y,z...);Price\nLamp;Home,Lamps;25,00\nRug;Home;9,50\n', ';'],
  ['Name;Price (net, EUR)\nLamp;25,00\nRug;9,50\n', ';'],
  ['name,tags (a;b)\nlamp,x;y\nrug,z;y\n', ','],
  ['name,title,text\n1,Lamp,"<p style=""a;b"">"\n2,Rug,"x;y;z"\n', ','],
  ['id,title,colour,note\n1,Lamp,red,x\n2,Rug,green\n3,Mat\n', ','],
  ['sep=;\r\na,b;c\r\n1;2\r\n', ';'],
  ['"sep=|"\na|b\n', '|'],
])('%j is separated by %j', (head, delimiter) => {
  expect(tableShape(head, plain).delimiter).toBe(delimiter);
});

it('does as it is told', () => {
  const asked = (delimiter: string) => tableShape('a,b', { ...plain, asked: delimiter }).delimiter;
  const told = ['tab', '\\t', '\t', '|', '::'];
  expect(told.map(asked)).toEqual(['\t', '\t', '\t', '|', '::']);
  expect(tableShape('a,b;c', { ...plain, format: 'tsv' }).delimiter).toBe('\t');
  expect(tableShape('a,b', { ...plain, format: 'tsv', asked: ';' }).delimiter).toBe(';');
});

it('looks from the header on, where that is told', () => {
  const titled = 'Report, all shops, of today\n\nid;title\n1;Lamp, red\n2;Rug, green, round\n';
  expect(tableShape(titled, { ...plain, headerRow: 3 }).delimiter).toBe(';');
});

it('takes no offence at a quote that the head cuts', () => {
  const cut = 'a;b,c\n1;x\n2;"long, text,';
  expect(tableShape(cut, { ...plain, isWhole: false }).delimiter).toBe(';');
});

const titled = 'Product report,,\nGenerated 2026-01-05,,\n\nid,title,colour\n1,Red lamp,red\n';
const amazon = [
  'TemplateType=fptcustom\tVersion=2021.0101\tTemplateSignature=U0hJUlQ=\tThe top 3 rows are for Amazon.com use only.\t\t',
  'Product Type\tSeller SKU\tProduct Name\tKey Product Features\tKey Product Features\tMain Image URL',
  'feed_product_type\titem_sku\titem_name\tbullet_point1\tbullet_point2\tmain_image_url',
  'shirt\tSKU-1\tRed shirt\tsoft\twash\thttps://shop.example/1.jpg',
].join('\n');

it('finds the header below titles', () => {
  expect(likelyHeaderRow(tableShape(titled, plain), null)).toBe(4);
  expect(likelyHeaderRow(tableShape(titled, { ...plain, headerRow: 4 }), 4)).toBeNull();
  expect(likelyHeaderRow(tableShape(amazon, { ...plain, format: 'tsv' }), null)).toBe(3);
});

it.each([
  ['id,title\n1,Lamp\n2,Rug\n'],
  [',sku,title\n0,a1,Lamp\n1,a2,Rug\n'],
  ['id,title,\n1,Lamp,good\n2,Rug,better\n'],
  ['id,title,colour\nLamp,Lamp,red\n'],
  ['id,title,,,\n1,Lamp,,,\n2,Rug,,,\n'],
  ['one\nLamp\nRug\n'],
])('finds no fault with the header of %j', (table) => {
  expect(likelyHeaderRow(tableShape(table, plain), null)).toBeNull();
});

it('finds the row in which names stand that the header lacks', () => {
  const shape = tableShape(amazon, { ...plain, format: 'tsv' });
  expect(rowWithNames(shape, ['item sku', 'Item_Name'], null)).toBe(3);
  expect(rowWithNames(shape, ['Seller SKU'], null)).toBe(2);
  expect(rowWithNames(shape, ['item_sku', 'colour'], null)).toBeNull();
  expect(rowWithNames(shape, ['item_sku'], 3)).toBeNull();
  expect(rowWithNames(shape, [], null)).toBeNull();
});
