// Loaded into the real command with `node --import`: names every boundary that an await can go through (a
// Redis command, an HTTP request, a file operation in the output folder), before and after, and ends, freezes
// or holds the process at one of them. The names are derived from the running program: the boundary, and the
// functions of ours that lead to it. A name that ends with `*` stands for all that begin like it, and `|`
// separates several.
//
// CRASH_RECORD  file to which every point that is passed is appended, one JSON line each
// CRASH_POINT   the point at which the process gets CRASH_SIGNAL (SIGKILL), the first time that it is passed
// CRASH_HOLD    points that are passed only once the file CRASH_RELEASE exists: something that takes its time;
//               those that wait are listed in the file CRASH_RELEASE.held
// CRASH_FOLDER  the output folder, absolute
import { createHash } from 'node:crypto';
import fs, { appendFileSync, existsSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { relative, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Dispatcher } from 'undici';

const { CRASH_RECORD, CRASH_POINT, CRASH_SIGNAL = 'SIGKILL', CRASH_FOLDER = '' } = process.env;
const { CRASH_HOLD, CRASH_RELEASE = '' } = process.env;
const functionsNamed = 3;
/** Every command of Redis goes through them. */
const onEachWay = new Set(['runScript', 'connection.sendCommand']);
const ours = new URL('../../dist/', import.meta.url).href;
let struck = false;
Error.stackTraceLimit = 40;

/** Our functions that lead here, nearest first: an await inside one function is told from that inside another. */
function callers() {
  const names = [];
  for (const line of new Error().stack.split('\n')) {
    if (!line.includes(ours)) continue;
    const name = /^ +at (?:async )?(?:new )?(\S+) \(/.exec(line)?.[1] ?? 'anonymous';
    if (onEachWay.has(name) || name === names.at(-1)) continue;
    names.push(name);
    if (names.length === functionsNamed) break;
  }
  return names.map((name) => ` < ${name}`).join('');
}

function isNamed(patterns, name) {
  return (patterns?.split('|') ?? []).some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

function pass(name) {
  if (CRASH_RECORD) appendFileSync(CRASH_RECORD, `${JSON.stringify(name)}\n`);
  if (struck || !isNamed(CRASH_POINT, name)) return;
  struck = true;
  process.kill(process.pid, CRASH_SIGNAL);
}

async function released(name) {
  appendFileSync(`${CRASH_RELEASE}.held`, `${JSON.stringify(name)}\n`);
  while (!existsSync(CRASH_RELEASE)) await sleep(20);
}

/** Runs one boundary between its two points; `after` comes before anything that waits for the result. */
function watch(name, act) {
  const point = name + callers();
  pass(`before ${point}`);
  if (isNamed(CRASH_HOLD, `before ${point}`)) return released(`before ${point}`).then(act);
  const result = act();
  if (typeof result?.then !== 'function') return result;
  const after = () => pass(`after ${point}`);
  result.then(after, after);
  if (!isNamed(CRASH_HOLD, `after ${point}`)) return result;
  return result.then((value) => released(`after ${point}`).then(() => value));
}

// Redis: single commands and, one by one, those of a pipeline.
const scripts = new Map();
const { sendCommand, defineCommand } = Redis.prototype;
Redis.prototype.defineCommand = function (name, definition) {
  scripts.set(createHash('sha1').update(definition.lua).digest('hex'), name.replace(/:\d.*$/, ''));
  return defineCommand.call(this, name, definition);
};
Redis.prototype.sendCommand = function (command, stream) {
  const send = () => sendCommand.call(this, command, stream);
  const { name } = command;
  // A command that waited for the connection comes by again; the handshake is no step of ours.
  if (command.crashHookSeen || /^(client|hello|info|ping|select|auth)$/.test(name)) return send();
  command.crashHookSeen = true;
  const script = /^eval(sha)?$/.test(name) ? scripts.get(String(command.args[0])) : undefined;
  const queue = /:queue:[^:]*\.(\w+):/.exec(command.args.join(' '))?.[1];
  return watch(['redis', script ?? name, queue].filter(Boolean).join(' '), send);
};

// HTTP: a request until its headers are there, then each piece of its body.
const { request } = Dispatcher.prototype;
Dispatcher.prototype.request = function (options, ...rest) {
  const path = String(options.path)
    .replace(/\?.*$/, '')
    .replace(/(task|file)_\w+/, '*')
    .replace(/\/media\/.*/, '/media/*');
  const name = `http ${options.method} ${path}`;
  const answered = watch(name, () => request.call(this, options, ...rest));
  return answered.then((response) => {
    watchBody(response.body, name);
    return response;
  });
};

function watchBody(body, name) {
  const iterate = body[Symbol.asyncIterator].bind(body);
  body[Symbol.asyncIterator] = () => {
    const chunks = iterate();
    const next = chunks.next.bind(chunks);
    chunks.next = () => watch(`${name} body`, next);
    return chunks;
  };
}

// Files of the output folder.
const promises = fs.promises;

function fileKind(path) {
  const inside = relative(CRASH_FOLDER, resolve(String(path)));
  if (inside === '..' || inside.startsWith(`..${sep}`)) return null;
  return inside
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '*')
    .replace(/^assets\/[^.].*(\.\w+)$/, 'assets/*$1');
}

for (const name of [
  'open',
  'rename',
  'link',
  'copyFile',
  'unlink',
  'rm',
  'mkdir',
  'truncate',
  'appendFile',
  'writeFile',
  'readFile',
]) {
  const original = promises[name];
  promises[name] = (path, ...rest) => {
    const kind = typeof path === 'string' ? fileKind(path) : null;
    const act = () => original.call(promises, path, ...rest);
    const result = kind === null ? act() : watch(`file ${name} ${kind || '.'}`, act);
    if (name !== 'open') return result;
    return result.then((handle) => {
      if (kind !== null) watchHandle(handle, kind);
      return handle;
    });
  };
}
syncBuiltinESMExports();

function watchHandle(handle, kind) {
  for (const name of ['write', 'writeFile', 'appendFile', 'read', 'sync', 'stat', 'close']) {
    const original = handle[name];
    handle[name] = (...parameters) =>
      watch(`file ${name} ${kind || '.'}`, () => original.apply(handle, parameters));
  }
}
