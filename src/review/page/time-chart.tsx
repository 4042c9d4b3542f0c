import { scaleLinear } from 'd3-scale';
import { area, line, stack } from 'd3-shape';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Series } from '../../results/timeline.js';
import { grouped } from '../../shared/quantities.js';
import { type AxisPoint, type TimeAxis, timeAxis } from './time-axis.js';
import { measuredText, widthText } from './totals-words.js';

/** What is drawn of each bucket. */
interface ChartLayer {
  name: string;
  /** Class of its colour. */
  colour: string;
  /** One for each bucket, in their order. */
  values: readonly number[];
}

export interface ChartProps {
  heading: string;
  /** What the numbers are of. */
  unit: string;
  /** The chart in one sentence, for those who do not see it. */
  description: string;
  series: Series;
  layers: readonly ChartLayer[];
  /** `bars`: each bucket on its own, layers upon each other; `line`: what has come together by then. */
  form: 'bars' | 'line';
  /** Shown where a number is told. */
  format?: (value: number) => string;
}

const height = 150;
const margin = { top: 12, right: 8, bottom: 34 };
/** Of a digit. */
const digitPixels = 7;

/** A chart over the time of a batch, with the same figures as a table. */
export function TimeChart(props: ChartProps) {
  const { heading, unit, description, series, layers, form, format = grouped } = props;
  const [frame, width] = useWidth(640);
  const id = useId();
  const sums = axisSums(layers);
  const highest = Math.max(0, ...sums);
  const y = scaleLinear([0, highest || 1], [height, 0]).nice(4);
  const marks = y.ticks(4).filter((value) => Number.isInteger(value) || highest < 3);
  const left = 12 + digitPixels * Math.max(3, ...marks.map((value) => format(value).length));
  const inner = Math.max(80, width - left - margin.right);
  const axis = timeAxis(series, inner);
  const rows = axis.points.map((point, index) => ({
    point,
    values: layers.map(({ values }) => values[index] ?? 0),
  }));
  const Drawing = form === 'bars' ? Bars : Line;
  return (
    <figure class="chart" ref={frame}>
      <figcaption>
        <h3>
          {heading} <span class="quiet">{unit}</span>
        </h3>
        {layers.length > 1 && <Legend layers={layers} />}
      </figcaption>
      <svg
        width={width}
        height={height + margin.top + margin.bottom}
        role="img"
        aria-labelledby={`${id}t ${id}d`}
      >
        <title id={`${id}t`}>{heading}</title>
        <desc id={`${id}d`}>{description}</desc>
        <g transform={`translate(${left},${margin.top})`}>
          {marks.map((value) => (
            <g key={value} transform={`translate(0,${y(value)})`}>
              <line class="grid-line" x2={inner} />
              <text class="axis-text" x={-8} dy="0.32em" text-anchor="end">
                {format(value)}
              </text>
            </g>
          ))}
          <Drawing layers={layers} axis={axis} y={y} />
          <Gaps axis={axis} />
          <TimeTicks axis={axis} />
          {rows.map(({ point, values }) => (
            <rect key={point.atMs} class="touch" x={point.x} width={axis.step} height={height}>
              <title>
                {[
                  momentText(point),
                  ...values.map((value, at) => `${format(value)} ${layers[at]?.name}`),
                ].join('\n')}
              </title>
            </rect>
          ))}
        </g>
      </svg>
      <Figures {...{ heading, unit, layers, rows, format }} seconds={series.seconds} />
    </figure>
  );
}

/** Of each bucket, all layers together. */
function axisSums(layers: readonly ChartLayer[]): number[] {
  const [first] = layers;
  return (first?.values ?? []).map((_, index) =>
    layers.reduce((sum, { values }) => sum + (values[index] ?? 0), 0),
  );
}

function Legend({ layers }: { layers: readonly ChartLayer[] }) {
  return (
    <ul class="legend">
      {layers.map(({ name, colour }) => (
        <li key={name}>
          <span class={`swatch ${colour}`} />
          {name}
        </li>
      ))}
    </ul>
  );
}

interface DrawingProps {
  layers: readonly ChartLayer[];
  axis: TimeAxis;
  y: (value: number) => number;
}

function Bars({ layers, axis, y }: DrawingProps) {
  const keys = layers.map((_, index) => index);
  const stacked = stack<AxisPoint, number>()
    .keys(keys)
    .value((point, layer) => layers[layer]?.values[axis.points.indexOf(point)] ?? 0)(axis.points);
  const gap = axis.step > 5 ? 1 : 0;
  return (
    <>
      {stacked.map((spans) => (
        <g key={spans.key} class={layers[spans.key]?.colour}>
          {spans.map(([low, high], index) =>
            high > low ? (
              <rect
                key={axis.points[index]?.atMs}
                x={axis.points[index]?.x}
                y={y(high)}
                width={Math.max(1, axis.step - gap)}
                // A count that is there is seen.
                height={Math.max(1, y(low) - y(high))}
              />
            ) : null,
          )}
        </g>
      ))}
    </>
  );
}

/** Its value holds from the end of a bucket on; between two stretches nothing changes, so the line goes on behind the gap. */
function Line({ layers: [layer], axis, y }: DrawingProps) {
  if (layer === undefined) return null;
  const value = (index: number) => layer.values[index] ?? 0;
  const corners = axis.points.map((point, index) => ({
    x: point.x + axis.step,
    value: value(index),
  }));
  const first = axis.points[0];
  if (first !== undefined) corners.unshift({ x: first.x, value: 0 });
  const under = area<(typeof corners)[number]>(
    (corner) => corner.x,
    y(0),
    (corner) => y(corner.value),
  );
  const above = line<(typeof corners)[number]>(
    (corner) => corner.x,
    (corner) => y(corner.value),
  );
  return (
    <g class={layer.colour}>
      <path class="under" d={under(corners) ?? ''} />
      <path class="stroke" d={above(corners) ?? ''} />
    </g>
  );
}

function Gaps({ axis: { gaps } }: { axis: TimeAxis }) {
  return (
    <>
      {gaps.map(({ x, width, seconds }) => (
        <g key={x} transform={`translate(${x},0)`}>
          <rect class="gap" x={1} width={Math.max(1, width - 2)} height={height}>
            <title>{`${measuredText(seconds * 1000)} in which nothing was under way`}</title>
          </rect>
          {width >= 24 && (
            <text
              class="axis-text"
              transform={`translate(${width / 2},${height / 2}) rotate(-90)`}
              text-anchor="middle"
              dy="0.32em"
            >
              {`nothing for ${measuredText(seconds * 1000)}`}
            </text>
          )}
        </g>
      ))}
    </>
  );
}

function TimeTicks({ axis: { ticks } }: { axis: TimeAxis }) {
  return (
    <g transform={`translate(0,${height})`}>
      {ticks.map(({ x, text, day }) => (
        <g key={x} transform={`translate(${x},0)`}>
          <line class="tick-line" y2={5} />
          <text class="axis-text" y={17} text-anchor="middle">
            {text}
          </text>
          {day !== null && (
            <text class="axis-text" y={30} text-anchor="middle">
              {day}
            </text>
          )}
        </g>
      ))}
    </g>
  );
}

function Figures({
  heading,
  unit,
  layers,
  rows,
  format,
  seconds,
}: {
  heading: string;
  unit: string;
  layers: readonly ChartLayer[];
  rows: readonly { point: AxisPoint; values: readonly number[] }[];
  format: (value: number) => string;
  seconds: number;
}) {
  return (
    <details>
      <summary>Figures</summary>
      <table>
        <caption class="sr-only">{heading}</caption>
        <thead>
          <tr>
            <th scope="col">{`${widthText(seconds)} from`}</th>
            {layers.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {layers.length === 1 ? unit : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ point, values }) => (
            <tr key={point.atMs}>
              <th scope="row">{momentText(point)}</th>
              {values.map((value, index) => (
                <td key={layers[index]?.name} class="number">
                  {format(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

const moment = new Intl.DateTimeFormat('en', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

function momentText({ atMs }: AxisPoint): string {
  return moment.format(new Date(atMs));
}

/** As wide as its frame is, so that its text keeps its size on a phone. */
function useWidth(first: number) {
  const frame = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(first);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [frame, width] as const;
}
