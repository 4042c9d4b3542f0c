import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Desk, mapping, productsCsv, test } from '../support/cli.js';
import { type ProgramService, readComposeFile } from '../support/compose-file.js';
import type { Running } from '../support/running.js';
import { until } from '../support/until.js';

const { services, secrets } = await readComposeFile();
const { redis: _redis, ...programs } = services;
/** The secrets that this program reads from files, each under its plain name. */
const secretNames = ['RIVYA_API_KEY', 'REDIS_URL', 'MONITOR_PASSWORD'];
const password = 'a long word';

describe('docker-compose.yml', () => {
  test('mounts the secrets that its variables name, and holds none itself (S8)', () => {
    for (const service of Object.values(programs)) {
      const mounted = service.secrets.map((secret) => `/run/secrets/${secret}`);
      for (const secret of service.secrets) expect(secrets).toHaveProperty(secret);
      const { environment } = service;
      const named = secretNames.flatMap((name) => environment[`${name}_FILE`] || []);
      expect(named).toEqual(mounted);
      expect(environment.RIVYA_API_KEY ?? '').toBe('');
      expect(environment.MONITOR_PASSWORD ?? '').toBe('');
      expect(environment.REDIS_URL ?? '').not.toContain('@');
      // What .env may hold for the host is set to nothing, or both would be set.
      if (service.env_file) {
        const unset = secretNames.filter((name) => environment[`${name}_FILE`] === undefined);
        expect(unset).toEqual([]);
      }
    }
  });

  test('every stage has a service, and those that work on batches get more than the 15 s that they ask for', () => {
    const { worker, collector } = services;
    expect(worker.deploy?.replicas).toBe(2);
    const stages = [worker, collector].flatMap(({ command }) => wordAfter(command, '--stages'));
    expect(stages.join(',').split(',').sort()).toEqual(['collect', 'status', 'submit']);
    for (const { stop_grace_period } of [worker, collector]) {
      expect(Number.parseInt(stop_grace_period ?? '0', 10)).toBeGreaterThan(15);
    }
  });

  test('its commands make a batch together, and each ends on SIGTERM with exit 0', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('rivya_api_key', 'rvya_sk_composed\n');
    await desk.write('monitor_password', `${password}\n`);
    await desk.write('in.csv', productsCsv(4));
    const { worker, collector, monitor } = services;
    const workers = [start(desk, worker), start(desk, worker), start(desk, collector)];
    const watching = start(desk, monitor);
    await until(() => workers.every((each) => each.output().includes('worker ready')));
    await until(() => watching.output().includes('Monitor: http'));
    for (const each of workers) {
      const health = /"health":"(http:[^"]+)"/.exec(each.output())?.[1];
      expect((await fetch(`${health}/ready`)).status).toBe(200);
    }

    const parameters = ['enqueue', 'in.csv', '--batch', 'composed', ...mapping];
    const enqueued = await start(desk, { ...worker, command: parameters }).finished;
    expect(enqueued.code, enqueued.stderr).toBe(0);
    await until(() => existsSync(join(desk.folder, 'out', 'run.json')));
    expect((await desk.lines('out')).map(({ status }) => status)).toEqual(
      Array(4).fill('succeeded'),
    );
    const origin = /http:\S+/.exec(watching.output())?.[0].replace('0.0.0.0', '127.0.0.1');
    expect((await fetch(`${origin}/`)).status).toBe(401);
    const authorization = `Basic ${Buffer.from(`monitor:${password}`).toString('base64')}`;
    const metrics = await fetch(`${origin}/metrics`, { headers: { authorization } });
    expect(await metrics.text()).toMatch(/rivya_batch_workers\{account="\w+"\} 3/);
    await expectCleanEnd([...workers, watching]);
  });

  test('its simulator answers, and ends on SIGTERM with exit 0', async ({ openDesk }) => {
    const desk = await openDesk();
    const running = start(desk, services.simulator);
    await until(() => running.output().includes('RIVYA_BASE_URL='));
    const origin = /http:\S+/.exec(running.output())?.[0];
    expect((await fetch(`${origin}/simulator/bill`)).status).toBe(200);
    await expectCleanEnd([running]);
  });
});

/** The parameters of a service, but for what is of its container: folders, ports, addresses. */
function start(desk: Desk, { command, environment }: ProgramService): Running {
  const parameters = command.map((word, index) => {
    const option = command[index - 1];
    if (word === '/out') return join(desk.folder, 'out');
    return option === '--port' || option === '--health-port' ? '0' : word;
  });
  return desk.start(parameters, environmentOf(desk, environment));
}

function environmentOf(desk: Desk, variables: Record<string, string>): Record<string, string> {
  const own: Record<string, string> = { RIVYA_API_KEY: '' };
  for (const [name, value] of Object.entries(variables)) {
    // Where Redis and the API are, the desk says.
    if (value.startsWith('redis:') || value.startsWith('${')) continue;
    own[name] = value.replace('/run/secrets', desk.folder);
  }
  return own;
}

async function expectCleanEnd(running: Running[]): Promise<void> {
  for (const each of running) each.kill('SIGTERM');
  for (const { code, stdout, stderr } of await Promise.all(running.map((one) => one.finished))) {
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).not.toContain('rvya_sk_composed');
    expect(stdout + stderr).not.toContain(password);
  }
}

function wordAfter(command: string[], option: string): string[] {
  const at = command.indexOf(option);
  return at < 0 ? [] : command.slice(at + 1, at + 2);
}
