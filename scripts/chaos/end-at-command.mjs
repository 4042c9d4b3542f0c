// Loaded with `node --import`: kills the process before it sends its n-th command to Redis (CHAOS_END_AT).
import { Redis } from 'ioredis';

const endAt = Number(process.env.CHAOS_END_AT);
const { sendCommand } = Redis.prototype;
let sent = 0;

Redis.prototype.sendCommand = function (command, stream) {
  // Those that waited for the connection come by again; the handshake is no step of ours.
  const known = command.chaosSeen || /^(client|hello|info|ping|select|auth)$/.test(command.name);
  command.chaosSeen = true;
  if (!known) sent += 1;
  if (!known && sent === endAt) process.kill(process.pid, 'SIGKILL');
  return sendCommand.call(this, command, stream);
};
