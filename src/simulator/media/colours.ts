import type { RandomStream } from '../random-stream.js';
import type { Colour } from './palette-png.js';

/** Where each run of shades starts in the palette. */
export const shades = {
  sky: 0,
  skySteps: 48,
  sun: 48,
  hills: 52,
  /** Each hill's edge and body: three mixes with what is behind it, then its own colour. */
  stepsPerHill: 4,
  ink: 64,
  label: 80,
} as const;

interface Daytime {
  top: number;
  horizon: number;
  backHill: number;
  frontHill: number;
  chroma: number;
}

/** Lightness of each part by day, at dusk and by night; dark colours carry less chroma. */
const day = { top: 0.74, horizon: 0.94, backHill: 0.76, frontHill: 0.44, chroma: 0.085 };
const dusk = { top: 0.6, horizon: 0.9, backHill: 0.66, frontHill: 0.34, chroma: 0.085 };
const night = { top: 0.32, horizon: 0.68, backHill: 0.48, frontHill: 0.23, chroma: 0.06 };
const daytimes: readonly Daytime[] = [day, day, dusk, dusk, night];

/** A palette for one landscape and its caption: a sky from blue to rose, a ground from green to violet. */
export function landscapePalette(random: RandomStream): Colour[] {
  const skyHue = 215 + 135 * random.next();
  const hue = 150 + 150 * random.next();
  const daytime = daytimes[Math.floor(random.next() * daytimes.length)] ?? day;
  const { top, horizon, backHill, frontHill, chroma } = daytime;
  const skyTop = oklch(top, chroma * 1.15, skyHue);
  const skyLow = oklch(horizon, chroma * 0.85, skyHue + 70);
  const sun = oklch(0.97, 0.07, 85);
  const hills = [0, 0.5, 1].map((depth) =>
    oklch(mixNumber(backHill, frontHill, depth), chroma * 0.9, hue - 20 * depth),
  );
  const paper = oklch(0.985, 0.012, hue);
  const ink = oklch(0.27, 0.04, hue);
  const steps = Array.from({ length: shades.skySteps }, (_, step) => step / (shades.skySteps - 1));
  const behind = [mix(skyTop, skyLow, 0.7), ...hills];
  return [
    ...steps.map((share) => mix(skyTop, skyLow, share)),
    ...quarters(mix(skyTop, skyLow, 0.6), sun),
    ...hills.flatMap((hill, index) => quarters(behind[index] ?? skyLow, hill)),
    ...inks(paper, ink),
    ...inks(paper, mix(ink, paper, 0.45)),
  ];
}

function quarters(from: Colour, to: Colour): Colour[] {
  return [0.25, 0.5, 0.75, 1].map((share) => mix(from, to, share));
}

function inks(paper: Colour, ink: Colour): Colour[] {
  return Array.from({ length: 16 }, (_, step) => mix(paper, ink, step / 15));
}

function mix(from: Colour, to: Colour, share: number): Colour {
  return from.map((part, index) =>
    Math.round(mixNumber(part, to[index] ?? part, share)),
  ) as unknown as Colour;
}

function mixNumber(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

/** Oklch to sRGB, by Ottosson's matrices: equal lightness looks equally light in every hue. */
function oklch(lightness: number, chroma: number, hueDegrees: number): Colour {
  const hue = (hueDegrees * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    toByte(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
    toByte(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
    toByte(-0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short),
  ];
}

function toByte(linear: number): number {
  const clamped = Math.min(1, Math.max(0, linear));
  const encoded = clamped <= 0.0031308 ? 12.92 * clamped : 1.055 * clamped ** (1 / 2.4) - 0.055;
  return Math.round(255 * encoded);
}
