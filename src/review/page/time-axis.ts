import { scaleTime } from 'd3-scale';
import type { Series } from '../../results/timeline.js';

interface AxisTick {
  x: number;
  text: string;
  /** The day, where it is another one than that of the tick before. */
  day: string | null;
}

interface AxisGap {
  x: number;
  width: number;
  /** How long nothing came about. */
  seconds: number;
}

export interface AxisPoint {
  x: number;
  /** When its bucket begins, in ms. */
  atMs: number;
  stretch: number;
}

/** Where the buckets of a series stand on a line: stretch after stretch, with the gaps between them cut short. */
export interface TimeAxis {
  /** Of a bucket. */
  step: number;
  points: AxisPoint[];
  gaps: AxisGap[];
  ticks: AxisTick[];
}

const gapPixels = 30;
/** Many gaps must not take the room of what came about. */
const mostGapShare = 0.3;
const tickPixels = 76;
const labelPixels = 44;

/** @param width of the whole, in pixels */
export function timeAxis({ stretches, seconds }: Series, width: number): TimeAxis {
  const count = stretches.reduce((sum, { points }) => sum + points.length, 0);
  const cuts = Math.max(0, stretches.length - 1);
  const gapWidth = cuts === 0 ? 0 : Math.min(gapPixels, (mostGapShare * width) / cuts);
  // A batch of one moment is no bar as wide as the page.
  const step = Math.min(48, (width - cuts * gapWidth) / Math.max(1, count));
  const axis: TimeAxis = { step, points: [], gaps: [], ticks: [] };
  const labels = new TickLabels(seconds);
  let x = 0;
  let endMs: number | null = null;
  for (const [stretch, { from, points }] of stretches.entries()) {
    const beginMs = Date.parse(from);
    if (endMs !== null) {
      axis.gaps.push({ x, width: gapWidth, seconds: (beginMs - endMs) / 1000 });
      x += gapWidth;
    }
    endMs = beginMs + points.length * seconds * 1000;
    for (const index of points.keys()) {
      axis.points.push({ x: x + index * step, atMs: beginMs + index * seconds * 1000, stretch });
    }
    const length = points.length * step;
    const scale = scaleTime([new Date(beginMs), new Date(endMs)], [x, x + length]);
    for (const time of ticksOf(scale, length)) {
      const tick = labels.tick(scale(time), time, width);
      if (tick !== null) axis.ticks.push(tick);
    }
    x += length;
  }
  return axis;
}

/** At least where it begins: without a tick nobody would know when a stretch was. */
function ticksOf(scale: ReturnType<typeof scaleTime<number, number>>, length: number): Date[] {
  const ticks = length < tickPixels ? [] : scale.ticks(Math.floor(length / tickPixels));
  return ticks.length === 0 ? scale.domain().slice(0, 1) : ticks;
}

/** Labels that do not run into each other. */
class TickLabels {
  private free = Number.NEGATIVE_INFINITY;
  private day: string | null = null;
  private readonly time: Intl.DateTimeFormat;
  private readonly date = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });

  constructor(private readonly seconds: number) {
    this.time = new Intl.DateTimeFormat('en', {
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      ...(seconds < 30 && { second: '2-digit' }),
    });
  }

  tick(x: number, time: Date, width: number): AxisTick | null {
    if (x < this.free || x > width - labelPixels / 2) return null;
    this.free = x + labelPixels + (this.seconds < 30 ? 14 : 0);
    const day = this.date.format(time);
    if (this.seconds >= 43_200) return { x, text: day, day: null };
    const isNew = day !== this.day;
    this.day = day;
    return { x, text: this.time.format(time), day: isNew ? day : null };
  }
}
