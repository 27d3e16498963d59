import { styleText } from 'node:util';

export type Tone = 'good' | 'bad' | 'busy' | 'quiet' | 'title';
export type Paint = (tone: Tone, text: string) => string;

const styles = { good: 'green', bad: 'red', busy: 'yellow', quiet: 'dim', title: 'bold' } as const;

/** Colours where the stream is a terminal that has them; `NO_COLOR` and `FORCE_COLOR` are heeded. */
export const paintFor =
  (stream: NodeJS.WritableStream): Paint =>
  (tone, text) =>
    styleText(styles[tone], text, { stream });

export const plain: Paint = (_tone, text) => text;

const good = new Set(['Succeeded', 'Usable', 'Ready']);
const bad = new Set(['Failed', 'Cancelled', 'Fencing', 'NotUsable']);
const quiet = new Set(['Released', 'Waiting', 'Suspended']);

/** Of a phase or state. */
export const toneOf = (state: string): Tone => {
  if (good.has(state)) return 'good';
  if (bad.has(state)) return 'bad';
  return quiet.has(state) ? 'quiet' : 'busy';
};
