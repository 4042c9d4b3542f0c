/** Why a row cannot become a brief; the screen's summary groups by it, so sentences may name details. */
export type RejectionKind =
  | 'wrong_cell_count'
  | 'not_json'
  | 'not_an_object'
  | 'wrong_type'
  | 'empty_value'
  | 'error_value'
  | 'bad_id'
  | 'id_clash'
  | 'no_model'
  | 'unknown_model'
  | 'model_not_callable'
  | 'no_prompt'
  | 'prompt_too_long'
  | 'not_a_number'
  | 'not_an_option'
  | 'out_of_range'
  | 'wrong_step'
  | 'missing_param'
  | 'unknown_param'
  | 'bad_reference'
  | 'body_too_large';

export interface RowFault {
  kind: RejectionKind;
  /** Null where the fault is of the whole row. */
  column: string | null;
  reason: string;
}

export function addFault(faults: RowFault[], fault: RowFault | null): void {
  if (fault !== null) faults.push(fault);
}

/** One fault of one row; a row with several faults has several. */
export interface Rejection extends RowFault {
  source: string;
  row: number;
  /** Null where the row has none or it could not be read. */
  id: string | null;
}
