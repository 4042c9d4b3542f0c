import type { ResultFile, SimulatedTask } from '../task-book.js';
import { drawFilm } from './film.js';
import { renderPicture, tinyPicture } from './picture.js';
import { drawSound } from './sound.js';

export interface RenderedFile {
  bytes: Buffer;
  mediaType: string;
}

/** The bytes of a result file: made when they are asked for, the same every time. */
export function renderFile(
  task: SimulatedTask,
  file: ResultFile,
  { tiny }: { tiny: boolean },
): RenderedFile {
  switch (file.kind) {
    case 'picture':
      return { bytes: tiny ? tinyPicture : pictureOf(task, file), mediaType: 'image/png' };
    case 'sound':
      return { bytes: drawSound(task.prompt), mediaType: 'audio/wav' };
    case 'film':
      return { bytes: drawFilm(), mediaType: 'video/mp4' };
    default:
      return file.kind satisfies never;
  }
}

function pictureOf(task: SimulatedTask, file: ResultFile): Buffer {
  const { prompt, model, params } = task;
  const pictures = task.files.filter(({ kind }) => kind === 'picture');
  const number = pictures.indexOf(file) + 1;
  const ofHowMany = pictures.length > 1 ? `, picture ${number} of ${pictures.length}` : '';
  return renderPicture({
    prompt,
    params,
    label: `${model}${ofHowMany} - simulated`,
    variant: number,
  });
}
