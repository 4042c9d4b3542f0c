// Watches a Redis by MONITOR: what is sent to it, and what scripts do there themselves.
import { hash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import bullScripts from 'bullmq/dist/cjs/scripts/index.js';
import { scriptSource } from '../dist/ledger/scripts.js';

/** Redis knows a script by the hash of its text. */
const scriptNames = new Map([
  ...Object.values(bullScripts)
    .filter(({ content }) => content)
    .map(({ name, content }) => [hash('sha1', content), name]),
  ...readdirSync(new URL('../dist/ledger/lua/', import.meta.url)).map((file) => {
    const name = file.replace(/\.lua$/, '');
    return [hash('sha1', scriptSource(name)), `our ${name}`];
  }),
]);

/** @returns how often each command and script was sent, and how many commands it was for Redis */
export async function watchCommands(redis) {
  const monitor = await redis.monitor();
  const counts = new Map();
  let latest = null;
  monitor.on('monitor', (_time, [command, sha], source) => {
    // What a script does stands behind the script, which nothing else comes between.
    if (source === 'lua') {
      if (latest !== null) latest.commands += 1;
      return;
    }
    const sent = command.toLowerCase();
    const name = sent === 'evalsha' ? `script ${scriptNames.get(sha) ?? sha}` : sent;
    latest = counts.get(name) ?? { sent: 0, commands: 0 };
    counts.set(name, latest);
    latest.sent += 1;
    latest.commands += 1;
  });
  return {
    /** All that was sent until now has been counted when it resolves. */
    async end() {
      await redis.echo('counted');
      monitor.disconnect();
      return counts;
    },
  };
}

export function sumOf(counts) {
  const all = [...counts.values()];
  return {
    sent: all.reduce((sum, { sent }) => sum + sent, 0),
    commands: all.reduce((sum, { commands }) => sum + commands, 0),
  };
}
