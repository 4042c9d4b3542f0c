/** Outlines on a 24 by 24 field. */
const paths = {
  approved: 'M4.5 12.5l5 5L19.5 7',
  rejected: 'M6 6l12 12M18 6L6 18',
  again: 'M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6',
  undo: 'M4 10h10a5.5 5.5 0 0 1 0 11H9M4 10l5-5M4 10l5 5',
  search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16.2 16.2L21 21',
  close: 'M6 6l12 12M18 6L6 18',
  left: 'M14.5 5l-7 7 7 7',
  right: 'M9.5 5l7 7-7 7',
  film: 'M8 5.5v13l11-6.5z',
  sound: 'M4 10v4M8 7v10M12 4v16M16 8v8M20 10.5v3',
  text: 'M5 6h14M5 11h14M5 16h9',
  file: 'M6 3h8l5 5v13H6zM14 3v5h5',
  none: 'M12 7.5v6M12 17v.5M12 3l9.5 17h-19z',
  filter: 'M4 6h16M7 12h10M10 18h4',
  sun: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3L19 19M19 5l-1.7 1.7M6.7 17.3L5 19',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  keys: 'M3 6.5h18v11H3zM7 10.5h.1M11 10.5h.1M15 10.5h.1M8 14h8',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  small:
    'M4 4h4v4H4zM10 4h4v4h-4zM16 4h4v4h-4zM4 10h4v4H4zM10 10h4v4h-4zM16 10h4v4h-4zM4 16h4v4H4zM10 16h4v4h-4zM16 16h4v4h-4z',
  medium: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  large: 'M4 4h16v16H4z',
  note: 'M4 5h16v11H10l-5 4v-4H4z',
  send: 'M4 12h14M12 6l6 6-6 6',
  full: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
} as const;

export type IconName = keyof typeof paths;

/** Says nothing to those who do not see it: what it stands in has a name. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
