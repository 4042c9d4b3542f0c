/** The code that Node puts on errors of the system (`ECONNREFUSED`, `ENOENT`); empty where there is none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
