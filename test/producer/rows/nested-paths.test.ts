import { expect, it } from 'vitest';
import { badInputOf, compileFiles } from '../compile-files.js';

const answer = {
  products: [
    { product: { id: 1, title: 'Mug', images: [{ src: 'https://cdn.example.com/1.jpg' }] } },
    { product: { id: 2, title: 'Lamp', images: [] } },
  ],
};

it.each([
  ['{{title}}', 'did you mean "product.title"?'],
  ['{{product.titel}}', 'did you mean "product.title"?'],
  ['{{SRC}}', 'did you mean "product.images.0.src"?'],
  [
    '{{nothing of the kind}}',
    'the columns are "product", "product.id", "product.title", "product.images.0.src".',
  ],
])('%s in nested JSON is answered with the way to what is there', async (prompt, sentence) => {
  const compiling = compileFiles(
    { 'api.json': JSON.stringify(answer) },
    { id: 'product.id', model: 'z-image', prompt },
  );
  expect(await badInputOf(compiling)).toContain(sentence);
});
