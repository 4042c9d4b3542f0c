import { type BriefQuery, queryParams, readQuery } from '../find-briefs.js';

export const densities = ['small', 'medium', 'large'] as const;
export type Density = (typeof densities)[number];

const views = ['results', 'failures', 'totals'] as const;
export type View = (typeof views)[number];

/** What of the page stands in its address: whoever is sent it sees the same. */
export interface PageState {
  view: View;
  query: BriefQuery;
  density: Density;
  /** The brief that is open; null for none. */
  open: string | null;
  /** From 1. */
  page: number;
}

/** @param hash with or without its `#` */
export function readAddress(hash: string): PageState {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  return {
    view: views.find((view) => view === params.get('view')) ?? 'results',
    query: readQuery(params),
    density: densities.find((density) => density === params.get('size')) ?? 'medium',
    open: params.get('open'),
    page: Math.max(1, Math.trunc(Number(params.get('page'))) || 1),
  };
}

export function writeAddress({ view, query, density, open, page }: PageState): string {
  const params = queryParams(query);
  if (view !== 'results') params.set('view', view);
  if (density !== 'medium') params.set('size', density);
  if (page > 1) params.set('page', String(page));
  if (open !== null) params.set('open', open);
  return `#${params}`;
}
