import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { endEverything, killServers, serversOf, temporaryHome, until } from '/work/main/test/shared/store/real-redis.js';
import { buildStore, StoreProcess } from '/work/main/test/shared/store/store-process.js';
let build: any;
beforeAll(async () => { build = await buildStore(); }, 120_000);
afterAll(() => rm(build.folder, { recursive: true, force: true }));
afterEach(endEverything);
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms));
test.each([1,2,3,4,5,6,7,8,9,10,11,12])('storm %d', async () => {
  const home = await temporaryHome();
  let most = 0;
  const probe = setInterval(() => { most = Math.max(most, serversOf(home).length); }, 15);
  let acked = 0; let phase = 'x'; let cur: any[] = []; const spy = setInterval(() => { console.log('STATE', home, phase, serversOf(home), existsSync(home+'/redis.lock'), cur.map((c) => [c.child.pid, c.where && 1, c.failure, c.child.exitCode, c.child.signalCode, c.changes.join()])); }, 25000);
  for (let round = 0; round < 4; round++) {
    const all = Array.from({ length: 6 }, () => new StoreProcess(build.modulePath, home));
    cur = all; phase='start'; const victims = all.slice(0, 2), stay = all.slice(2);
    const kills = victims.map(async (v) => { await sleep(150 + Math.random() * 500); await v.kill(); });
    const redisKill = (async () => { await sleep(50 + Math.random() * 900); for (const p of serversOf(home)) try { process.kill(p, 'SIGKILL'); } catch {} })();
    await Promise.all([...kills, redisKill]);
    await Promise.all(stay.map((s) => s.settled()));
    for (const s of stay) if (s.failure) console.log('FAIL', s.failure);
    phase='ask'; const up = stay.filter((s) => s.where);
    await Promise.all(up.map(async (s) => { for (let i = 0; i < 20; i++) { await s.ask('INCR', 'n'); acked++; } }));
    const n = Number(await up[0]!.ask('GET', 'n'));
    expect(n).toBeGreaterThanOrEqual(acked);
    phase='end';await Promise.all(up.map((s, i) => i % 2 ? s.kill() : s.close()));
  }
  phase='last'; const last = await StoreProcess.open(build.modulePath, home);
  expect(Number(await last.ask('GET', 'n'))).toBeGreaterThanOrEqual(acked);
  await last.close();
  await until(() => serversOf(home).length === 0);
  clearInterval(probe);clearInterval(spy);
  console.log('most servers at once', most, 'acked', acked);
}, 90_000);
