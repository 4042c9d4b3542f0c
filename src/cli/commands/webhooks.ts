import { isIP } from 'node:net';
import type { Command } from 'commander';
import { isPublicAddress } from '../../rivya/safe-url.js';
import type { MadeWebhook, Webhook } from '../../rivya/webhooks.js';
import { askApi } from '../../session/open-client.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { addJsonFlag } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { type Column, printTable } from '../text/table.js';

export function addWebhooksCommand(program: Command, setup: CommandSetup): void {
  const webhooks = program.command('webhooks');
  const list = webhooks.command('list').description('the addresses that Rivya tells of tasks');
  addJsonFlag(list);
  list.action((flags: { json: boolean }) =>
    setup.run(() => listWebhooks(setup, flags.json ? 'json' : 'table')),
  );
  const create = webhooks
    .command('create')
    .description('let Rivya tell this address of tasks that are over')
    .argument(
      '<url>',
      'public https address; one without a path gets RIVYA_BATCH_HOOKS_PATH as its path',
    )
    .argument('[name]', 'what it is called', 'rivya-batch');
  addJsonFlag(create);
  create.action((url: string, name: string, flags: { json: boolean }) =>
    setup.run(() => createWebhook(setup, { url, name }, flags.json ? 'json' : 'text')),
  );
  webhooks
    .command('delete')
    .description('tell that address of nothing more')
    .argument('<id>')
    .action((id: string) => setup.run(() => deleteWebhook(setup, id)));
  webhooks
    .command('test')
    .description('let Rivya send a test event there')
    .argument('<id>')
    .action((id: string) => setup.run(() => testWebhook(setup, id)));
}

const columns: Column<Webhook>[] = [
  { head: 'id', text: ({ id }) => id },
  { head: 'name', text: ({ name }) => name ?? '', narrow: { least: 12, by: 'end' } },
  { head: 'address', text: ({ url }) => shortened(url), narrow: { least: 20, by: 'middle' } },
  { head: 'status', text: ({ status }) => status ?? '?' },
  { head: 'failures', text: ({ failures }) => String(failures ?? '?'), align: 'right' },
  { head: 'last success', text: ({ lastSuccessAt }) => lastSuccessAt ?? 'never', leaveOut: 1 },
];

/** The path may be what guards it: enough is left to tell two apart (S8). */
function shortened(url: string | null): string {
  if (url === null || !URL.canParse(url)) return '?';
  const { origin, pathname } = new URL(url);
  return pathname.length <= 1 ? origin : `${origin}/...${pathname.slice(-4)}`;
}

async function listWebhooks(setup: CommandSetup, format: 'json' | 'table'): Promise<ExitCode> {
  const { settings, terminal } = setup;
  const { content } = await askApi(settings, ({ webhooks }) => webhooks.list());
  if (format === 'json') terminal.json(content);
  else if (content.length === 0)
    terminal.print('There are no webhooks. Create one: rivya-batch webhooks create URL');
  else printTable(terminal, content, columns);
  return ExitCode.succeeded;
}

async function createWebhook(
  { settings, terminal }: CommandSetup,
  asked: { url: string; name: string },
  format: 'json' | 'text',
): Promise<ExitCode> {
  const url = addressOf(asked.url, settings);
  const { content: made } = await askApi(settings, async ({ webhooks }) => {
    const outcome = await webhooks.create({ name: asked.name, url });
    if (outcome.kind === 'refused' && outcome.refusal.code === 'webhook_url_rejected') {
      throw new BatchError('usage', `Rivya refuses this address: ${outcome.refusal.message}`);
    }
    return outcome;
  });
  if (format === 'json') process.stdout.write(`${JSON.stringify(made)}\n`);
  else {
    terminal.print(`Rivya tells ${shortened(url)} of tasks that are over (${made.id}).`);
    tellSecret(made);
  }
  return ExitCode.succeeded;
}

/** Past the redactor: it is said this once, and whoever wants it has to copy it now. */
function tellSecret({ signingSecret }: MadeWebhook): void {
  if (signingSecret === null) return;
  process.stdout.write(
    `Its signing secret, which is shown this once and kept nowhere:\n  ${signingSecret}\n`,
  );
}

async function deleteWebhook(setup: CommandSetup, id: string): Promise<ExitCode> {
  await askApi(setup.settings, ({ webhooks }) => webhooks.delete(id));
  setup.terminal.print(`Webhook ${id} is deleted.`);
  return ExitCode.succeeded;
}

async function testWebhook(setup: CommandSetup, id: string): Promise<ExitCode> {
  await askApi(setup.settings, ({ webhooks }) => webhooks.test(id));
  setup.terminal.print(
    `Rivya was asked to send a test event to ${id}: "rivya-batch webhooks list" says whether it arrived.`,
  );
  return ExitCode.succeeded;
}

/**
 * What Rivya is to call, where it is one that it takes (documented). Where the API itself is on this machine, its
 * webhooks may be.
 * @throws BatchError `usage`, without the address: its path may be a secret (S8)
 */
export function addressOf(
  text: string,
  { origin, hooksPath }: { origin: string; hooksPath: string | null },
): string {
  const refused = (why: string) =>
    new BatchError('usage', `Rivya would refuse this address: ${why}. It wants public https.`);
  if (!URL.canParse(text)) throw refused('it is no URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw refused('it contains a login');
  if (url.hash !== '') throw refused('it contains a fragment (#)');
  if (!(isInside(new URL(origin).hostname) && isInside(url.hostname))) {
    if (url.protocol !== 'https:') throw refused('it is not https');
    if (isInside(url.hostname)) throw refused('its host is this machine or in a private network');
  }
  if (url.pathname === '/' && hooksPath !== null) url.pathname = hooksPath;
  return url.href;
}

function isInside(hostname: string): boolean {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 ? /(^|\.)localhost\.?$/.test(bare) : !isPublicAddress(bare);
}
