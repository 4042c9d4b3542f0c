import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { auditRun } from '../support/audit-run.js';
import { type Desk, type DeskOptions, mapping, productsCsv, test } from '../support/cli.js';

const briefs = 16;
const run = ['run', 'in.csv', '--out', 'out', ...mapping, '--rate', '20', '--in-flight', '6'];
const auditOf = (desk: Desk) => auditRun(desk, { out: 'out', batch: 'out', briefs });

/** A run in the middle of its work, with one answer lost on the way. */
async function startRun(openDesk: (options: DeskOptions) => Promise<Desk>) {
  const desk = await openDesk({ faults: ['lose-answer-after-accept:1x'] });
  await desk.write('in.csv', productsCsv(briefs));
  const running = desk.start(run);
  await desk.tasksMade(5);
  return { desk, running };
}

const submitsOf = (desk: Desk) =>
  Object.values(desk.simulator.bill().requests.byEndpoint.submit ?? {}).reduce((a, b) => a + b, 0);

describe.concurrent('the API away in the middle of a run', () => {
  test('for a minute: nothing is lost, nothing is hammered, the run ends by itself (S1, S2, S3)', async ({
    openDesk,
  }) => {
    const { desk, running } = await startRun(openDesk);
    const before = desk.simulator.bill().requests.total;
    desk.simulator.control({ faults: ['outage'] });
    await sleep(60_000);
    const during = desk.simulator.bill().requests.total - before;
    desk.simulator.control({ faults: [] });
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await auditOf(desk)).toEqual([]);
    // At this pace a minute would hold 1,200 requests; each brief in doubt and the probes ask a few times.
    expect(during).toBeLessThan(100);
  });

  test('for a while, and the run is killed meanwhile: the same command goes on (S1, S3)', async ({
    openDesk,
  }) => {
    const { desk, running: killed } = await startRun(openDesk);
    desk.simulator.control({ faults: ['outage'] });
    await sleep(3_000);
    killed.kill('SIGKILL');
    await killed.finished;
    const running = desk.start(run);
    await sleep(17_000);
    desk.simulator.control({ faults: [] });
    expect((await running.finished).code).toBe(0);
    expect(await auditOf(desk)).toEqual([]);
  });

  test('its key revoked: exit 4, and with the key in order the same command goes on (S1, S3)', async ({
    openDesk,
  }) => {
    const { desk, running } = await startRun(openDesk);
    desk.simulator.control({ keys: [{ key: 'rvya_sk_desk', state: 'revoked' }] });
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 4 });
    expect(stderr).toContain('api_key_revoked');
    const submits = submitsOf(desk);
    expect((await desk.run(run)).code).toBe(4);
    // The person is told again after one look, not after one for each brief.
    expect(submitsOf(desk) - submits).toBeLessThanOrEqual(6);
    desk.simulator.control({ keys: null });
    expect((await desk.run(run)).code).toBe(0);
    expect(await auditOf(desk)).toEqual([]);
  });

  test('credits used up by somebody else, and filled up again (S1, S2)', async ({ openDesk }) => {
    const { desk, running } = await startRun(openDesk);
    desk.simulator.control({ credits: 0 });
    while (!/out of credits/.test(running.output())) await sleep(20);
    desk.simulator.control({ credits: 100 });
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await auditOf(desk)).toEqual([]);
  });
});
