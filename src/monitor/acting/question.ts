import type { Part } from '../../shared/html.js';

/** What is asked before something is done, and what is posted where the answer is yes. */
export interface Question {
  kind: 'question';
  /** `Pause spring?` */
  title: string;
  /** Why it is asked once more; null the first time. */
  because: string | null;
  /** What it does and what it costs. */
  says: Part[];
  /** For the button: what is done. */
  verb: string;
  /** To be posted, as it was shown. */
  fields: Readonly<Record<string, string>>;
  /** Something that the person fills in; null where there is nothing to say. */
  input: { name: string; label: string; value: number; least: number; most: number } | null;
  back: string;
}

/** That there is nothing to do, or not from here, and what to do instead. */
export interface NotNow {
  kind: 'not_now';
  title: string;
  why: string;
  /** Commands to type. */
  commands: readonly string[];
  back: string;
}

export type Asked = Question | NotNow;

/** `done`: it is so now, whoever did it; the browser goes on to that page. */
export type Acted = { kind: 'done'; to: string } | Asked;
