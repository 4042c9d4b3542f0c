import { randomBytes } from 'node:crypto';

const prefix = 'rivya-batch';

/** One store's mark on its connections in `CLIENT LIST`; the process number is for people who look there. */
export function newStoreId(): string {
  return `${prefix}:${process.pid}-${randomBytes(6).toString('hex')}`;
}

/** Redis allows printable characters without spaces in a connection's name. */
export function connectionName(storeId: string, name: string): string {
  return `${storeId}:${name.replace(/[^\x21-\x7e]/g, '_')}`;
}

/**
 * Whether a `CLIENT LIST` shows a connection of another store. Connections that BullMQ made carry names of
 * its own and do not count; every store keeps one under its own name.
 */
export function namesOthers(clientList: string, storeId: string): boolean {
  for (const [, name = ''] of clientList.matchAll(/(?:^| )name=(\S*)/gm)) {
    if (name.startsWith(`${prefix}:`) && !name.startsWith(`${storeId}:`)) return true;
  }
  return false;
}
