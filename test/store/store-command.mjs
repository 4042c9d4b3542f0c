// A command in another terminal: opens the store and does what its parent asks.
const [, , modulePath, home] = process.argv;
const { openStore } = await import(modulePath);

let store;
try {
  store = await openStore({ redisUrl: null, home });
} catch (error) {
  process.send({ failed: error.message, code: error.code });
  process.disconnect();
}

if (store) {
  const redis = store.connect('test');
  store.onConnectionChange((change) => process.send({ change: change.state }));
  process.on('message', async ({ id, words }) => {
    if (words[0] === 'close') {
      await store.close();
      process.send({ id, reply: 'closed' });
      // Nothing of the store may keep the process alive now.
      process.disconnect();
      return;
    }
    process.send({ id, reply: await redis.call(...words) });
  });
  process.send({ opened: store.where });
}
