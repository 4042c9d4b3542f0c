import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { type MonitorOptions, startMonitor } from '../../src/monitor/start-monitor.js';
import { bundledModels } from '../../src/rivya/catalogue.js';
import { systemClock } from '../../src/shared/clock.js';
import { shellWord } from '../../src/shared/quantities.js';
import { type Answer, type Asked, ask } from '../support/ask.js';
import { connect, type OpenLedger, openLedger } from '../support/ledger.js';

export const login = { user: 'monitor', password: 'a long word: ümlaut' };

/** Of the password's holder, unless another one is given. */
type AskedWithLogin = Asked & {
  /** Of the login; null for none. */
  password?: string | null;
};

export function withLogin({
  password = login.password,
  headers = {},
  ...asked
}: AskedWithLogin): Asked {
  const given = Buffer.from(`${login.user}:${password}`).toString('base64');
  const authorization = password === null ? {} : { authorization: `Basic ${given}` };
  return { ...asked, headers: { ...authorization, ...headers } };
}

/** A monitor over real HTTP and real Redis, and the ledger that it looks at. */
export async function openMonitor(
  patch: Partial<MonitorOptions> = {},
  ledger?: OpenLedger,
): Promise<
  OpenLedger & {
    origin: string;
    get: (path: string, asked?: AskedWithLogin) => Promise<Answer>;
  }
> {
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
    places: { home: '', s3Endpoint: null },
    modelsOf: async () => bundledModels(),
    commandLine: (words) => ['rivya-batch', ...words.map(shellWord)].join(' '),
    ...patch,
  });
  onTestFinished(() => monitor.close());
  const { origin } = monitor;
  return { ...opened, origin, get: (path, asked = {}) => ask(origin, path, withLogin(asked)) };
}
