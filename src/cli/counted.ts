/** `1 row`, `2 rows`: for nouns whose plural ends with s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
