/** Questions on a terminal. They go to standard error: what is printed for programs stays clean. */
import { createInterface } from 'node:readline/promises';
import { CliError } from './cli-error.ts';

export interface Questions {
  /** @throws CliError where the input ends; the signal's reason where it is interrupted */
  readonly ask: (question: string) => Promise<string>;
  readonly close: () => void;
}

/** @returns undefined where nobody can answer: input or output is no terminal */
export const openQuestions = (signal: AbortSignal): Questions | undefined => {
  const { stdin: input, stderr: output } = process;
  if (!input.isTTY || !output.isTTY) return undefined;
  const lines = createInterface({ input, output });
  // A terminal that is read line by line gives no signal for Ctrl-C.
  lines.on('SIGINT', () => void process.kill(process.pid, 'SIGINT'));
  const ended = new Promise<never>((_, reject) => {
    lines.once('close', () => reject(new CliError('Refused', 'the input ended: nothing was made')));
  });
  ended.catch(() => undefined);
  return {
    ask: async (question) => (await Promise.race([lines.question(question, { signal }), ended])).trim(),
    close: () => lines.close(),
  };
};
