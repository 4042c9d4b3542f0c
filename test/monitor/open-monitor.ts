import { request } from 'node:http';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type MonitorOptions, startMonitor } from '../../src/monitor/start-monitor.js';
import { systemClock } from '../../src/shared/clock.js';
import { connect, type OpenLedger, openLedger } from '../support/ledger.js';

export const login = { user: 'monitor', password: 'a long word: ümlaut' };

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  /** Of the login; null for none. */
  password?: string | null;
}

/** Sends any header there is, which `fetch` does not. */
export function ask(url: string, asked: Asked = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, password = login.password } = asked;
  const given = Buffer.from(`${login.user}:${password}`).toString('base64');
  const authorization = password === null ? {} : { authorization: `Basic ${given}` };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...authorization, ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** A monitor over real HTTP and real Redis, and the ledger that it looks at. */
export async function openMonitor(
  patch: Partial<MonitorOptions> = {},
  ledger?: OpenLedger,
): Promise<OpenLedger & { get: (path: string, asked?: Asked) => Promise<Answer> }> {
  const opened = ledger ?? (await openLedger());
  const connection = patch.connection ?? connect();
  if (connection.status === 'connecting') {
    await new Promise((resolve) => connection.once('ready', resolve));
  }
  const monitor = await startMonitor({
    connection,
    prefix: opened.prefix,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    host: '127.0.0.1',
    port: 0,
    login,
    actions: 'read_only',
    ...patch,
  });
  onTestFinished(() => monitor.close());
  return { ...opened, get: (path, asked) => ask(monitor.origin + path, asked) };
}
