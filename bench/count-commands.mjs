// Watches a Redis by MONITOR: what is sent to it, and what scripts do there themselves.
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
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

/** A line of MONITOR: from whom (`lua` for what a script does), the command, and its first argument. */
const monitored = /^\+[\d.]+ \[\d+ (\S+)\] "([^"]*)"(?: "([^"]*)")?/;
const mark = 'all-is-counted';

/** @returns how often each command and script was sent, and how many commands it was for Redis */
export async function watchCommands(redis) {
  const counts = new Map();
  let latest = null;
  let atEnd;
  const ended = new Promise((resolve) => {
    atEnd = resolve;
  });
  // ioredis' own monitor stumbles where lines come with the answer that it waits for.
  const socket = connect(redis.options.path);
  socket.write('MONITOR\r\n');
  createInterface({ input: socket }).on('line', (line) => {
    const [, source, command, argument] = monitored.exec(line) ?? [];
    if (command === undefined) return;
    // What a script does stands behind the script, which nothing else comes between.
    if (source === 'lua') {
      if (latest !== null) latest.commands += 1;
      return;
    }
    if (argument === mark) return atEnd();
    const sent = command.toLowerCase();
    const name = sent === 'evalsha' ? `script ${scriptNames.get(argument) ?? argument}` : sent;
    latest = counts.get(name) ?? { sent: 0, commands: 0 };
    counts.set(name, latest);
    latest.sent += 1;
    latest.commands += 1;
  });
  await once(socket, 'data');
  return {
    /** All that was sent until now has been counted when it resolves. */
    async end() {
      await redis.echo(mark);
      await ended;
      socket.destroy();
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
