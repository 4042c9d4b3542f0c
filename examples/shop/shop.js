// A small shop: whoever adds a product gets a picture of it, made by a worker in this same process.
// RIVYA_API_KEY and REDIS_URL (or a redis-server on the PATH) are all that it needs; PORT is 3000 unless said.
import { createReadStream } from 'node:fs';
import { join, resolve } from 'node:path';
import Fastify from 'fastify';
import { enqueueBatch, readManifest, startWorker } from 'rivya-batch';

const out = resolve('pictures');
const products = new Map();
const shop = Fastify();

// One batch a day: a batch keeps count of each time that something was added to it.
const today = () => `shop-${new Date().toISOString().slice(0, 10)}`;
const folderOf = (batch) => join(out, batch);

function show({ brief_id: id, status, assets, error }, folder) {
  const product = products.get(id) ?? { id };
  products.set(id, product);
  if (status === 'succeeded') product.picture = { ...assets[0], folder };
  else product.trouble = error?.message ?? status;
}

shop.post('/products', async (request, reply) => {
  const { sku: id, title } = request.body;
  const batch = today();
  const queued = await enqueueBatch(batch, [{ id, title }], {
    out: folderOf(batch),
    model: 'z-image',
    prompt: 'Studio photo of {{title}} on white',
    maxCreditsPerDay: 200,
  });
  if (queued.kind !== 'queued') return reply.code(400).send(queued);
  products.set(id, { ...products.get(id), id, title });
  return reply.code(202).send({ id });
});

shop.get('/products/:id', async ({ params: { id } }, reply) => {
  const product = products.get(id);
  return product ?? reply.code(404).send({ error: 'no such product' });
});

shop.get('/products/:id/picture', async ({ params: { id } }, reply) => {
  const picture = products.get(id)?.picture;
  if (!picture) return reply.code(404).send({ error: 'no picture yet' });
  return reply.type(picture.media_type).send(createReadStream(join(picture.folder, picture.path)));
});

// What was made before the shop was started is shown too; what comes from now on is told.
for await (const line of readManifest(folderOf(today()))) show(line, folderOf(today()));
const worker = await startWorker({ onLine: (line, place) => show(line, place.out) });
await shop.listen({ port: Number(process.env.PORT ?? 3000) });
console.log(`http://localhost:${shop.server.address().port}`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await shop.close();
    await worker.stop();
  });
}
