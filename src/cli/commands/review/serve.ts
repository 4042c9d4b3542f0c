import { once } from 'node:events';
import { relative } from 'node:path';
import type { Review } from '../../../review/server/start-review.js';
import { systemClock } from '../../../shared/clock.js';
import { ExitCode } from '../../../shared/errors.js';
import { counted, grouped, shellWord } from '../../../shared/quantities.js';
import type { CommandSetup } from '../../setup.js';
import { Interrupts } from '../../text/interrupts.js';
import { takenWords } from './take.js';

/** Where the page is served. */
export interface ServeFlags {
  host: string;
  /** 0: a free one. */
  port: number;
  json: boolean;
}

/** `review DIR`: serves the page until it is interrupted. */
export async function serve(
  setup: CommandSetup,
  folder: string,
  { host, port, json }: ServeFlags,
): Promise<ExitCode> {
  const { terminal, settings } = setup;
  const { startReview } = await import('../../../review/server/start-review.js');
  const interrupts = new Interrupts();
  const review = await startReview({
    out: folder,
    typedAs: typedFolder(folder),
    login: settings.monitorLogin,
    clock: systemClock,
    warn: terminal.warn,
    host,
    port,
  });
  try {
    // Of a large batch the count takes some seconds.
    if (!json) terminal.print(`Review: ${review.url}`);
    const { briefs, undecided } = await review.desk.progress();
    if (json) terminal.json({ url: review.url, token: review.token, briefs, undecided });
    else {
      terminal.print(`${counted(briefs, 'brief')}, ${grouped(undecided)} undecided.`);
      const address = 'The address has a token in it: whoever has the address can look and decide.';
      terminal.note(`${address}${elsewhereText(host)} Ctrl+C ends it.`);
    }
    if (!interrupts.signal.aborted) await once(interrupts.signal, 'abort');
  } finally {
    await review.close();
    interrupts.end();
  }
  await tellEnd(setup, folder, review);
  return ExitCode.succeeded;
}

/** An address that stands for all of a machine's is none that one could open from elsewhere. */
function elsewhereText(host: string): string {
  const isAny = /^(0\.0\.0\.0|\[?::\]?)$/.test(host);
  return isAny ? " From other machines, put this one's name or address in place of the host." : '';
}

async function tellEnd(
  { terminal, program }: CommandSetup,
  folder: string,
  { desk }: Review,
): Promise<void> {
  const { undecided } = await desk.progress();
  terminal.note(`Decided here: ${takenWords(desk.taken)}; ${grouped(undecided)} undecided.`);
  terminal.note('To hand over what is approved, and to make again what should be made again:');
  terminal.note(`  ${program} review ${shellWord(typedFolder(folder))} --apply`);
}

/** From where the command was given. */
function typedFolder(folder: string): string {
  return relative(process.cwd(), folder) || '.';
}
