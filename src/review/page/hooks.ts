import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Desk } from './desk.js';
import type { Unsaved } from './source.js';

/** Draws anew with every change of what is decided. */
export function useDesk(desk: Desk): number {
  const [version, setVersion] = useState(desk.version);
  useEffect(() => {
    setVersion(desk.version);
    return desk.subscribe(() => setVersion(desk.version));
  }, [desk]);
  return version;
}

export function useUnsaved(unsaved: Unsaved | null): number {
  const [count, setCount] = useState(unsaved?.count() ?? 0);
  useEffect(() => {
    setCount(unsaved?.count() ?? 0);
    return unsaved?.subscribe(() => setCount(unsaved.count()));
  }, [unsaved]);
  return count;
}

/** The latest of what a listener that stays sees. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  latest.current = value;
  return latest;
}

/** Inner width and height of an element, in CSS pixels. */
export function useSize(element: { current: HTMLElement | null }): {
  width: number;
  height: number;
} {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const measured = element.current;
    if (measured === null) return;
    const measure = () => setSize({ width: measured.clientWidth, height: measured.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(measured);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

const themeKey = 'rivya-batch review: theme';
type Theme = 'light' | 'dark';

function storedTheme(): Theme | null {
  try {
    const stored = localStorage.getItem(themeKey);
    return stored === 'light' || stored === 'dark' ? stored : null;
  } catch {
    return null;
  }
}

/** The reader's choice, or the system's while there is none. */
export function useTheme(): { isDark: boolean; toggle(): void } {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const [chosen, setChosen] = useState(storedTheme);
  const [systemIsDark, setSystemIsDark] = useState(dark.matches);
  useEffect(() => {
    const change = () => setSystemIsDark(dark.matches);
    dark.addEventListener('change', change);
    return () => dark.removeEventListener('change', change);
  }, []);
  useLayoutEffect(() => {
    if (chosen !== null) document.documentElement.dataset.theme = chosen;
  }, [chosen]);
  const isDark = chosen === null ? systemIsDark : chosen === 'dark';
  const toggle = () => {
    const next: Theme = isDark ? 'light' : 'dark';
    try {
      localStorage.setItem(themeKey, next);
    } catch {
      // It holds for this window.
    }
    setChosen(next);
  };
  return { isDark, toggle };
}
