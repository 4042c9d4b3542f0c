import { expect, it, onTestFinished } from 'vitest';
import { journalHeader } from '../../src/batch/open-batch.js';
import { alertKinds } from '../../src/monitor/reading/alerts.js';
import { queueStages } from '../../src/shared/queue-names.js';
import { openProcess } from '../worker/open-process.js';
import { openMonitor } from './open-monitor.js';

/** Slow enough that the batch outlasts the night, fast enough that each fault is met at once. */
const limits = { rate: 50, inFlight: 3, concurrency: 4 };
const briefs = 900;
/** What whoever looks at the first page has to wait at the most. */
const within = { timeout: 60_000, interval: 500 };
const well = 'Nothing needs you';

/** A process that works on a batch of which nobody sees an end, and a monitor beside it. */
async function openNight() {
  const bench = await openProcess(
    { credits: 20, prices: { 'z-image': 1 }, durationMs: 600 },
    limits,
  );
  const ids = Array.from({ length: briefs }, (_, index) => `brief-${index}`);
  const { ledger } = await bench.enqueue('night', ids);
  const begin = async () => {
    const meta = await ledger.meta();
    if (meta === null) throw new Error('there is no such batch');
    const worker = bench.openWorker(queueStages);
    onTestFinished(() => worker.close(0));
    await worker.start();
    const folder = { folder: bench.out, lines: 'here' } as const;
    await worker.attach(journalHeader(meta), folder, () => undefined);
    return worker;
  };
  await bench.ledger.forget();
  const { get } = await openMonitor({}, bench);
  const page = async () => (await get('/')).text;
  const metric = async (line: RegExp) => line.test((await get('/metrics')).text);
  return { ...bench, ledger, begin, page, metric };
}

it('through a night of faults, the first page alone says of each what it is and what to do, and when all is well again', async () => {
  const { simulator, begin, page, metric } = await openNight();
  const seen = async (name: keyof typeof alertKinds, of: string, fired: RegExp) => {
    const { what, toDo } = alertKinds[name];
    await expect.poll(page, within).toContain(escaped(what(of)));
    expect(await page()).toContain(escaped(toDo));
    // The rule of the same name sees it as well.
    await expect.poll(() => metric(fired), within).toBe(true);
  };
  const allClear = () => expect.poll(page, within).toContain(well);
  const account = 'account account-';

  await expect.poll(page, within).toContain(escaped(alertKinds.NoWorker.what(account)));
  const first = await begin();
  await seen('OutOfCredits', account, /submissions_held\{.*reason="credits"\} 1$/m);
  expect(await page()).not.toContain(escaped(alertKinds.NoWorker.what(account)));
  simulator.control({ credits: 100_000 });
  await allClear();

  simulator.control({ faults: ['download-status=503'] });
  await seen('FilesDue', 'night', /files_due\{.*batch="night"\} [1-9]/m);
  await expect.poll(page, within).toContain('HTTP 503');
  simulator.control({ faults: [] });
  await allClear();

  simulator.control({ faults: ['outage'] });
  await seen('ApiDown', account, /submissions_held\{.*reason="api_down"\} 1$/m);
  simulator.control({ faults: [] });
  await allClear();

  simulator.control({ faults: ['revoked-key'] });
  await seen('KeyRefused', account, /submissions_held\{.*reason="key"\} 1$/m);
  await first.close(10_000);
  await seen('NoWorker', account, /workers\{.*\} 0$/m);
  simulator.control({ faults: [] });
  await begin();
  await allClear();
});

/** As it stands in a page. */
function escaped(text: string): string {
  return text.replaceAll('"', '&quot;');
}
