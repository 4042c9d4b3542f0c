import { startSimulator } from '../dist/simulator/start-simulator.js';

const simulator = await startSimulator({
  speed: Number.POSITIVE_INFINITY,
  tinyMedia: true,
  credits: 1e9,
});
console.log(simulator.origin);
