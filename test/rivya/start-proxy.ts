import { connect } from 'node:net';
import { startRawServer } from './stand-in-server.js';

/** A CONNECT proxy that leads every tunnel to one port of this machine, whatever name was asked for. */
export async function startProxy(targetPort: number) {
  const tunnels: string[] = [];
  const proxy = await startRawServer((socket, received) => {
    if (!received.includes('\r\n\r\n')) return;
    socket.removeAllListeners('data');
    tunnels.push(received);
    const upstream = connect(targetPort, '127.0.0.1');
    upstream.on('error', () => socket.destroy());
    upstream.on('connect', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    socket.on('close', () => upstream.destroy());
  });
  return { ...proxy, tunnels };
}
