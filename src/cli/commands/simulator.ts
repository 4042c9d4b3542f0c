import { once } from 'node:events';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ExitCode } from '../../shared/errors.js';
import { faultForms } from '../../simulator/faults/parse-fault.js';
import { startSimulator } from '../../simulator/start-simulator.js';
import { amount, twin, wholeNumber } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { Interrupts } from '../text/interrupts.js';
import { wrapProse } from '../text/terminal.js';

interface SimulatorFlags {
  port: number;
  host: string;
  seed: number;
  speed: number;
  credits: number;
  rate?: number;
  maxRunning?: number;
  fault: string[];
}

const faultHelp = `Faults look like NAME[=ARGUMENT[/ARGUMENT...]][:PROBABILITY][:COUNTx], and may
end with :endpoint=NAME, :model=ID or :prompt=TEXT, for example
  --fault lose-answer-after-accept:0.05 --fault task-fails=nsfw/kept:3x
  --fault page=403:endpoint=submit:prompt=lamp

Names, with their arguments:
${wrapProse(faultForms.join(', '), 80)}

While it runs: GET /simulator/bill says what was made and charged, GET and POST
/simulator/control change everything at run time, and POST /simulator/credits
{"add":n} adds credits.`;

export function addSimulatorCommand(program: Command, setup: CommandSetup): void {
  const command = program.command('simulator').description(faultHelp);
  const options = [
    new Option('--port <n>', 'port to listen on').argParser(wholeNumber(0)).default(4010),
    new Option('--host <address>', 'address to listen on').default('127.0.0.1'),
    new Option('--seed <n>', 'the same seed gives the same durations and faults')
      .argParser(wholeNumber(0))
      .default(1),
    new Option('--speed <factor>', 'how much faster than life tasks finish')
      .argParser(speed)
      .default(1),
    new Option('--credits <n>', 'credits of the account')
      .argParser(amount('from zero on'))
      .default(10_000),
    new Option('--rate <n>', 'requests a second before 429').argParser(wholeNumber(1)),
    new Option('--max-running <n>', 'unfinished tasks before 429').argParser(wholeNumber(1)),
    new Option('--fault <rule>', 'something that goes wrong (repeatable)')
      .argParser((rule: string, before: string[]) => [...before, rule])
      .default([], 'none'),
  ];
  for (const option of options) {
    // A worker's --rate in the environment is not this one's.
    command.addOption(option.name() === 'rate' ? option : twin(option));
  }
  command.action((flags: SimulatorFlags) => setup.run(() => simulate(setup, flags)));
}

function speed(text: string): number {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above zero, or infinity.');
  return value;
}

async function simulate(setup: CommandSetup, flags: SimulatorFlags): Promise<ExitCode> {
  const { port, host, seed, credits, fault } = flags;
  const simulator = await startSimulator({
    port,
    host,
    seed,
    credits,
    speed: flags.speed,
    faults: fault,
    ...(flags.rate ? { rate: { limit: flags.rate } } : {}),
    ...(flags.maxRunning ? { maxRunning: flags.maxRunning } : {}),
  });
  const interrupts = new Interrupts();
  setup.terminal.print(`Simulated Rivya API: ${simulator.origin}`);
  setup.terminal.print('Any key that begins with rvya_sk_ is taken. Use it like this:');
  // Past the redactor: this key opens nothing but the simulator, and is there to be copied.
  process.stdout.write(
    `  RIVYA_BASE_URL=${simulator.origin} RIVYA_API_KEY=rvya_sk_simulated npx rivya-batch credits\n`,
  );
  await once(interrupts.signal, 'abort');
  await simulator.close();
  interrupts.end();
  return ExitCode.succeeded;
}
