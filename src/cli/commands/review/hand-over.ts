import { relative } from 'node:path';
import {
  type Delivery,
  type DeliveryOptions,
  deliverApproved,
  type Told,
} from '../../../review/deliver/deliver-approved.js';
import { counted, grouped, quoteName } from '../../../shared/quantities.js';
import type { CommandSetup } from '../../setup.js';
import { hangingLines, type Terminal } from '../../text/terminal.js';

/** The approved half of `review DIR --apply`, with progress; what it printed is left to its caller. */
export async function handOver(
  { terminal }: CommandSetup,
  folder: string,
  options: DeliveryOptions,
): Promise<Delivery> {
  const onProgress = (files: number, written: number) =>
    terminal.progress(`Handing over: ${counted(files, 'file')}, ${grouped(written)} written`);
  try {
    return await deliverApproved(folder, { ...options, onProgress });
  } finally {
    terminal.progress('');
  }
}

/** What of it a person wants to know. */
export function printDelivery(terminal: Terminal, delivery: Delivery): void {
  const { files, written, removed, table, smaller } = delivery;
  const folder = shown(delivery.folder);
  if (table === null) {
    if (delivery.not_delivered.count === 0) terminal.print('Nothing is approved yet.');
    tellAll(terminal, delivery);
    return;
  }
  const left = files - written;
  const counts = [
    `${grouped(written)} written`,
    ...(left > 0 ? [`${grouped(left)} there already`] : []),
    ...(removed > 0 ? [`${grouped(removed)} taken away`] : []),
  ];
  const briefs = counted(delivery.briefs, 'approved brief');
  terminal.print(
    `${folder} holds ${counted(files, 'file')} of ${briefs} (${counts.join(', ')}), and ${table}.`,
  );
  if (smaller > 0) {
    const are = smaller === 1 ? '1 picture is' : `${grouped(smaller)} pictures are`;
    terminal.note(
      `${are} smaller than the size that was asked for, and were not enlarged; enlarge=yes does that.`,
    );
  }
  if (delivery.copied_for_links) {
    terminal.note('Copies were made, as this file system cannot link there.');
  }
  tellAll(terminal, delivery);
}

/** As it is typed from here, where that is shorter. */
function shown(folder: string): string {
  const fromHere = relative('', folder);
  return fromHere.startsWith('..') || fromHere === '' ? folder : fromHere;
}

function tellAll(terminal: Terminal, delivery: Delivery): void {
  const { changed, evaded, unnamed, not_delivered: missing } = delivery;
  tell(
    terminal,
    'was changed, and is left as it is',
    'were changed, and are left as they are',
    changed,
  );
  tell(terminal, 'has another name than it wants', 'have other names than they want', evaded);
  tell(
    terminal,
    'has its own name, as --name says nothing',
    'have their own names, as --name says nothing',
    unnamed,
  );
  tell(
    terminal,
    'is approved and could not be handed over',
    'are approved and could not be handed over',
    missing,
  );
}

function tell(terminal: Terminal, one: string, several: string, { count, first }: Told): void {
  if (count === 0) return;
  terminal.warn(`${counted(count, 'file')} ${count === 1 ? one : several}:`);
  for (const { file, reason } of first) {
    const lines = hangingLines('  ', `${quoteName(file)}: ${reason}`, terminal.width);
    for (const line of lines) terminal.note(line);
  }
  if (count > first.length) terminal.note(`  and ${grouped(count - first.length)} more`);
}
