import type { ReviewData } from '../review-brief.js';

/** What `sheet` writes into its file beside the briefs. */
export interface EmbeddedHead extends Omit<ReviewData, 'briefs' | 'canDecide'> {
  /** Addresses of the pages of the batch, this one among them. */
  pageNames: string[];
}
