import { startSimulator } from '../dist/simulator/start-simulator.js';

const simulator = await startSimulator({
  speed: Number.POSITIVE_INFINITY,
  tinyMedia: true,
  credits: 1e9,
});
console.log(simulator.origin);
// A bill that names a million briefs is longer than a text can be: it is added up here.
process.on('message', () => {
  const { total, byIdempotencyKey, billedTwice, requests } = simulator.bill();
  const keys = Object.keys(byIdempotencyKey).length;
  const { byEndpoint } = requests;
  process.send({ tasks: total.tasks, keys, billedTwice: billedTwice.length, byEndpoint });
});
process.on('disconnect', () => process.exit());
