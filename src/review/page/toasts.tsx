import { useCallback, useRef, useState } from 'preact/hooks';

export interface Toast {
  id: number;
  text: string;
  tone: 'plain' | 'bad';
}

const shownMs = { plain: 2_600, bad: 9_000 } as const;

/** Short messages about what was just done, or happened elsewhere. */
export function useToasts() {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const last = useRef(0);
  const tell = useCallback((text: string, tone: Toast['tone'] = 'plain') => {
    last.current += 1;
    const toast = { id: last.current, text, tone };
    setToasts((now) => [...now.slice(-2), toast]);
    setTimeout(() => setToasts((now) => now.filter(({ id }) => id !== toast.id)), shownMs[tone]);
  }, []);
  return { toasts, tell };
}

export function Toasts({ toasts }: { toasts: readonly Toast[] }) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map(({ id, text, tone }) => (
        <div key={id} class={`toast toast-${tone}`}>
          {text}
        </div>
      ))}
    </div>
  );
}
