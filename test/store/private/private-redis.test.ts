import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../../support/until.js';
import {
  endEverything,
  environmentOf,
  killServers,
  serversOf,
  temporaryHome,
} from '../real-redis.js';
import { StoreProcess } from '../store-process.js';

afterEach(endEverything);

const command = (home: string) => StoreProcess.open(home);

async function killOnlyServer(home: string): Promise<void> {
  expect(serversOf(home)).toHaveLength(1);
  await killServers(home);
}

describe('private Redis', { timeout: 60_000 }, () => {
  test('starts for the first command, is shared by the second, ends with the last', async () => {
    const home = await temporaryHome();
    const first = await command(home);
    const second = await command(home);
    expect(second.where).toBe(join(home, 'redis.sock'));
    expect(first.where).toBe(second.where);
    expect(serversOf(home)).toHaveLength(1);
    await first.ask('SET', 'brief', 'paid');
    expect(await second.ask('GET', 'brief')).toBe('paid');

    expect(await first.close()).toBe(0);
    expect(serversOf(home)).toHaveLength(1);
    expect(await second.ask('GET', 'brief')).toBe('paid');
    expect(second.changes).toEqual([]);

    expect(await second.close()).toBe(0);
    await until(() => serversOf(home).length === 0);
    await expect(stat(join(home, 'redis.sock'))).rejects.toThrow('ENOENT');
    await expect(stat(join(home, 'redis.lock'))).rejects.toThrow('ENOENT');

    const third = await command(home);
    expect(await third.ask('GET', 'brief')).toBe('paid');
    expect(await third.close()).toBe(0);
    await until(() => serversOf(home).length === 0);
  });

  test('its file does not keep what was deleted since, however short the commands are', async () => {
    const home = await temporaryHome();
    const first = await command(home);
    await first.ask('SET', 'brief', 'paid');
    const write = "for i = 1, 200 do redis.call('SET', 'gone', string.rep('x', 100000) .. i) end";
    await first.ask('EVAL', `${write} redis.call('DEL', 'gone')`, '0');
    expect(await first.close()).toBe(0);
    const folder = join(home, 'redis', 'appendonlydir');
    const sizes = await Promise.all(
      (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(100_000);
    const second = await command(home);
    expect(await second.ask('GET', 'brief')).toBe('paid');
    expect(await second.close()).toBe(0);
  });

  test('five commands at once start one server, also where a killed one left the lock', async () => {
    const home = await temporaryHome();
    await mkdir(join(home, 'redis.lock'));
    await utimes(join(home, 'redis.lock'), 1_000_000, 1_000_000);
    const commands = Array.from({ length: 5 }, () => new StoreProcess(home));
    await Promise.all(commands.map((each) => each.settled()));
    expect(commands.map((each) => each.where)).toEqual(Array(5).fill(join(home, 'redis.sock')));
    expect(serversOf(home)).toHaveLength(1);
    const runs = await Promise.all(commands.map((each) => each.ask('INFO', 'server')));
    expect(new Set(runs.map((text) => /run_id:(\w+)/.exec(String(text))?.[1])).size).toBe(1);
    expect(await Promise.all(commands.map((each) => each.close()))).toEqual(Array(5).fill(0));
    await until(() => serversOf(home).length === 0);
  });

  test('a newcomer and the last one leaving never meet a dying server', async () => {
    const home = await temporaryHome();
    let present = await command(home);
    for (let round = 0; round < 5; round += 1) {
      const newcomer = new StoreProcess(home);
      expect(await present.close()).toBe(0);
      await newcomer.settled();
      expect(newcomer.failure).toBeNull();
      expect(await newcomer.ask('INCR', 'round')).toBe(round + 1);
      expect(newcomer.changes).toEqual([]);
      present = newcomer;
    }
    await present.close();
    await until(() => serversOf(home).length === 0);
  });

  test('kill -9 of a command: the next adopts the server and is the last one out', async () => {
    const home = await temporaryHome();
    const killed = await command(home);
    await killed.ask('SET', 'brief', 'paid');
    const [server] = serversOf(home);
    await killed.kill();
    expect(serversOf(home)).toEqual([server]);

    const next = await command(home);
    expect(serversOf(home)).toEqual([server]);
    expect(await next.ask('GET', 'brief')).toBe('paid');
    await next.close();
    await until(() => serversOf(home).length === 0);
  });

  test('kill -9 of a command and of Redis: the next starts it from the append-only file', async () => {
    const home = await temporaryHome();
    const killed = await command(home);
    await killed.ask('SET', 'brief', 'paid');
    await killed.kill();
    await killOnlyServer(home);
    // What a killed server leaves behind.
    expect((await stat(join(home, 'redis.sock'))).isSocket()).toBe(true);
    expect(await readFile(join(home, 'redis', 'redis.pid'), 'utf8')).toMatch(/^\d+/);

    const next = await command(home);
    expect(await next.ask('GET', 'brief')).toBe('paid');
    await next.close();
  });

  test("a stale pid file that names somebody else's process harms nobody", async () => {
    const home = await temporaryHome();
    await mkdir(join(home, 'redis'));
    await writeFile(join(home, 'redis', 'redis.pid'), `${process.pid}\n`);
    const opened = await command(home);
    expect(await opened.ask('PING')).toBe('PONG');
    await opened.close();
  });

  test('kill -9 of Redis while two commands run: it comes back once, each says so once', async () => {
    const home = await temporaryHome();
    const commands = [await command(home), await command(home)] as const;
    await commands[0].ask('SET', 'brief', 'paid');
    await killOnlyServer(home);
    const answers = await Promise.all(commands.map((each) => each.ask('GET', 'brief')));
    expect(answers).toEqual(['paid', 'paid']);
    expect(serversOf(home)).toHaveLength(1);
    for (const each of commands) {
      await until(() => each.changes.includes('back'));
      expect(each.changes).toEqual(['lost', 'back']);
      await each.close();
    }
    await until(() => serversOf(home).length === 0);
  });

  test('a running server whose socket file was swept away is ended before another starts', async () => {
    const home = await temporaryHome();
    const first = await command(home);
    await first.ask('SET', 'brief', 'paid');
    await rm(join(home, 'redis.sock'));
    const second = await command(home);
    expect(serversOf(home)).toHaveLength(1);
    expect(await second.ask('GET', 'brief')).toBe('paid');
    expect(await first.ask('GET', 'brief')).toBe('paid');
    await first.close();
    await second.close();
    await until(() => serversOf(home).length === 0);
  });

  test('a home with a long path, spaces and other letters gets a short socket', async () => {
    const home = join(await temporaryHome(), 'mes créations '.repeat(8).trim());
    const first = new StoreProcess(home, {
      XDG_RUNTIME_DIR: '',
      TMPDIR: await temporaryHome(),
    });
    await first.settled();
    expect(first.failure).toBeNull();
    expect(Buffer.byteLength(String(first.where))).toBeLessThanOrEqual(100);
    expect(serversOf(home)).toHaveLength(1);
    // Another login session has another runtime folder, and must find the same server.
    const session = await temporaryHome();
    const second = new StoreProcess(home, { XDG_RUNTIME_DIR: session });
    await second.settled();
    expect(second.where).toBe(first.where);
    expect(serversOf(home)).toHaveLength(1);
    await first.close();
    await second.close();
    await until(() => serversOf(home).length === 0);
  });

  test('a truncated append-only file is loaded, one that Redis refuses is explained', async () => {
    const home = await temporaryHome();
    const first = await command(home);
    await first.ask('SET', 'brief', 'paid');
    await first.close();
    await until(() => serversOf(home).length === 0);
    const log = join(home, 'redis', 'appendonlydir', 'appendonly.aof.1.incr.aof');
    const written = await readFile(log);

    await writeFile(log, Buffer.concat([written, Buffer.from('*3\r\n$3\r\nSET\r\n$5\r\nhal')]));
    const second = await command(home);
    expect(await second.ask('GET', 'brief')).toBe('paid');
    await second.close();
    await until(() => serversOf(home).length === 0);

    await writeFile(log, Buffer.concat([Buffer.from('nonsense\r\n'), written]));
    const third = new StoreProcess(home);
    await third.settled();
    expect(third.failure).toContain('Bad file format reading the append only file');
    expect(third.failure).toContain(join(home, 'redis.log'));
    expect(serversOf(home)).toEqual([]);
  });

  test('S8: the server does not inherit the environment, and its folder is for its owner', async () => {
    const home = join(await temporaryHome(), 'new');
    const opened = new StoreProcess(home, {
      RIVYA_API_KEY: 'key-in-environment',
    });
    await opened.settled();
    for (const server of serversOf(home)) expect(environmentOf(server)).not.toContain('key-in');
    for (const folder of [home, join(home, 'redis')]) {
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }
    await opened.close();
  });
});
