/** What does not hold; scripts compare these codes. In the order in which they are reported. */
const problemCodes = [
  'manifest_missing',
  'line_unreadable',
  'line_torn',
  'line_twice',
  'line_missing',
  'line_extra',
  'status_counts_differ',
  'asset_missing',
  'asset_bytes_differ',
  'asset_hash_differs',
  'asset_outside',
  'asset_shared',
  'asset_not_a_file',
  'asset_unreadable',
  'report_missing',
  'report_unreadable',
  'counts_do_not_add_up',
  'credits_differ',
  'rejected_differs',
  'table_missing',
  'table_unreadable',
  'table_differs',
] as const;

/** What is worth knowing and breaks no promise. */
const warningCodes = [
  'unfinished',
  'report_outdated',
  'line_torn',
  'rejected_missing',
  'left_over',
] as const;

export type ProblemCode = (typeof problemCodes)[number];
export type WarningCode = (typeof warningCodes)[number];

/** Where it is; null where that has no meaning. */
export interface Position {
  brief_id: string | null;
  /** As the manifest names it, or relative to the folder. */
  path: string | null;
  /** Line of the file that `path` names, or of the manifest where it names an asset; from 1. */
  row: number | null;
}

export interface Finding<Code extends string = string> extends Position {
  code: Code;
  /** One plain sentence. */
  message: string;
}

export type Problem = Finding<ProblemCode>;
export type Warning = Finding<WarningCode>;

/** Collects what is found, whatever part of the check finds it first. */
export class Findings {
  private readonly foundProblems: Problem[] = [];
  private readonly foundWarnings: Warning[] = [];

  problem(code: ProblemCode, message: string, position: Partial<Position> = {}): void {
    this.foundProblems.push({ code, ...finding(message, position) });
  }

  warning(code: WarningCode, message: string, position: Partial<Position> = {}): void {
    this.foundWarnings.push({ code, ...finding(message, position) });
  }

  /** By code, then by row: assets are read several at once and end in any order. */
  get problems(): Problem[] {
    return this.foundProblems.sort(inOrderOf(problemCodes));
  }

  get warnings(): Warning[] {
    return this.foundWarnings.sort(inOrderOf(warningCodes));
  }
}

function finding(message: string, position: Partial<Position>): Position & { message: string } {
  return { brief_id: null, path: null, row: null, ...position, message };
}

function inOrderOf<Code extends string>(codes: readonly Code[]) {
  const rank = new Map(codes.map((code, index) => [code, index]));
  return (left: Finding<Code>, right: Finding<Code>) =>
    (rank.get(left.code) ?? 0) - (rank.get(right.code) ?? 0) || (left.row ?? 0) - (right.row ?? 0);
}
