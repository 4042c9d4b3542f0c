// One process that runs one command after another, each as in a process of its own: same folder, environment and
// parameters, and a command has ended only when nothing is left that would keep a process alive. What it saves is
// loading the modules, which costs more than most commands.
import { setTimeout as sleep } from 'node:timers/promises';

const main = process.argv[2];
/** Ends what a command printed, on both streams. */
const mark = `\0${process.argv[3]}\0`;
const { stdout, stderr } = process;
let runs = 0;

process.on('message', async ({ parameters, folder, environment }) => {
  const before = await whatKeepsAlive();
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
  process.argv = [process.execPath, main, ...parameters];
  process.chdir(folder);
  process.exitCode = undefined;
  runs += 1;
  await import(`${main}?run=${runs}`);
  while ((await whatKeepsAlive()) > before) await sleep(5);
  const code = process.exitCode ?? 0;
  // The test deletes the folder.
  process.chdir('/');
  stdout.removeAllListeners('error');
  stdout.write(mark);
  stderr.write(mark);
  process.send({ code });
});
process.on('disconnect', () => process.exit());

async function whatKeepsAlive() {
  await sleep(1);
  return process.getActiveResourcesInfo().length;
}
