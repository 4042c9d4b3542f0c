import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** How far one has come close, and where to: the same for all pictures that are compared. */
export interface Zoom {
  scale: number;
  /** Of the picture's size, from its middle. */
  x: number;
  y: number;
}

export const wholePicture: Zoom = { scale: 1, x: 0, y: 0 };
const closest = 12;

export function zoomBy(zoom: Zoom, factor: number, at = { x: 0, y: 0 }): Zoom {
  const scale = Math.min(closest, Math.max(1, zoom.scale * factor));
  if (scale === 1) return wholePicture;
  // What is under the pointer stays there.
  const grown = 1 / zoom.scale - 1 / scale;
  return within({ scale, x: zoom.x - at.x * grown, y: zoom.y - at.y * grown });
}

/** No picture is pushed out of its place. */
function within({ scale, x, y }: Zoom): Zoom {
  const most = (1 - 1 / scale) / 2;
  const limit = (value: number) => Math.min(most, Math.max(-most, value));
  return { scale, x: limit(x), y: limit(y) };
}

/**
 * A picture in its place: fitted, and closer by wheel, double click, keys of the page, or two fingers; moved by dragging.
 */
export function Stage({
  address,
  alt,
  zoom,
  setZoom,
  fallback,
}: {
  address: string;
  alt: string;
  zoom: Zoom;
  setZoom(change: (zoom: Zoom) => Zoom): void;
  fallback: ComponentChildren;
}) {
  const place = useRef<HTMLButtonElement>(null);
  const [isBroken, setBroken] = useState(false);
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const moved = useRef(0);

  const inPlace = (clientX: number, clientY: number) => {
    const box = place.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return { x: 0, y: 0 };
    return {
      x: (clientX - box.left) / box.width - 0.5,
      y: (clientY - box.top) / box.height - 0.5,
    };
  };

  useEffect(() => {
    const element = place.current;
    // Preact listens passively to wheels, and the page is not to scroll.
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      const at = inPlace(event.clientX, event.clientY);
      setZoom((now) => zoomBy(now, Math.exp(-event.deltaY / 300), at));
    };
    element?.addEventListener('wheel', turn, { passive: false });
    return () => element?.removeEventListener('wheel', turn);
  }, [isBroken]);

  if (isBroken) return <div class="stage-broken">{fallback}</div>;
  return (
    <button
      type="button"
      ref={place}
      class="stage"
      title={zoom.scale > 1 ? 'Whole (Z)' : 'Closer (Z)'}
      data-close={zoom.scale > 1 ? '' : undefined}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
        moved.current = 0;
      }}
      onPointerMove={(event) => {
        const before = pointers.current.get(event.pointerId);
        const box = place.current?.getBoundingClientRect();
        if (before === undefined || box === undefined) return;
        const others = [...pointers.current].filter(([id]) => id !== event.pointerId);
        pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
        const [other] = others;
        moved.current += Math.hypot(event.clientX - before.x, event.clientY - before.y);
        if (other !== undefined) {
          const [, fixed] = other;
          const was = Math.hypot(before.x - fixed.x, before.y - fixed.y);
          const is = Math.hypot(event.clientX - fixed.x, event.clientY - fixed.y);
          if (was > 0) setZoom((now) => zoomBy(now, is / was));
          return;
        }
        const byX = (event.clientX - before.x) / box.width;
        const byY = (event.clientY - before.y) / box.height;
        setZoom((now) =>
          within({ ...now, x: now.x + byX / now.scale, y: now.y + byY / now.scale }),
        );
      }}
      onPointerUp={(event) => pointers.current.delete(event.pointerId)}
      onPointerCancel={(event) => pointers.current.delete(event.pointerId)}
      onClick={(event) => {
        if (moved.current > 6) return;
        // Pressed by a key, it has no place.
        const at = event.detail === 0 ? undefined : inPlace(event.clientX, event.clientY);
        setZoom((now) => (now.scale > 1 ? wholePicture : zoomBy(now, 3, at)));
      }}
    >
      <img
        src={address}
        alt={alt}
        draggable={false}
        decoding="async"
        style={{
          transform: `scale(${zoom.scale}) translate(${zoom.x * 100}%, ${zoom.y * 100}%)`,
        }}
        onError={() => setBroken(true)}
      />
    </button>
  );
}
