/** What a batch leaves in its folder, by the names that users' scripts know. */
export const fileNames = {
  /** One line a brief that has ended: what counts. */
  manifest: 'manifest.jsonl',
  /** Lines that others have replaced: they count for what was charged, and their files stay. */
  history: 'history.jsonl',
  /** What a lost Redis must not take along. */
  journal: 'journal.jsonl',
  /** What people have said of the results. */
  decisions: 'decisions.jsonl',
  /** What was handed over, made of which file. */
  delivered: 'delivered.jsonl',
  table: 'manifest.csv',
  report: 'run.json',
  rejected: 'rejected.jsonl',
  rejectedTable: 'rejected.csv',
  contactSheet: 'contact-sheet.html',
  /** A folder. */
  assets: 'assets',
  /** A folder: files that were paid for and are no result. */
  aside: 'aside',
  /** A folder: what was approved, under the names that somebody wants. */
  approved: 'approved',
} as const;
