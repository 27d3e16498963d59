import { existsSync, readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { replaceJson } from './json-file.ts';
import type { Layout } from './layout.ts';

/** What a local installation consists of; chosen by the first `up` of a folder, the same ever after. */
export interface LocalOptions {
  readonly servers: number;
  readonly libraries: number;
  /** Per library. */
  readonly drives: number;
  /** Per library; each holds a labelled tape at first. */
  readonly slots: number;
  readonly tapeSizeBytes: number;
  readonly switches: number;
}

export const defaultOptions: LocalOptions = {
  servers: 2,
  libraries: 2,
  drives: 2,
  slots: 10,
  tapeSizeBytes: 20 * 2 ** 30,
  switches: 2,
};

/** The folder was made with other options; changing them would orphan libraries and tapes. */
export class OptionsChangedError extends Error {
  readonly code = 'OPTIONS_CHANGED';
}

/**
 * The options of a folder: those of its first `up`, which this writes down.
 * @param given those that the user named now
 * @throws OptionsChangedError when one of them differs from what the folder was made with
 */
export function settleOptions(layout: Layout, given: Partial<LocalOptions>): LocalOptions {
  const before = readOptions(layout);
  if (before === undefined) {
    const options = { ...defaultOptions, ...given };
    replaceJson(layout.options, options);
    return options;
  }
  for (const name of optionNames) {
    const now = given[name];
    if (now !== undefined && now !== before[name]) {
      throw new OptionsChangedError(
        `${layout.folder} was made with ${name} ${before[name]}, not ${now}; leave the option out or take another folder`,
      );
    }
  }
  return before;
}

/** @returns undefined when no `up` was run on the folder yet */
export function readOptions(layout: Layout): LocalOptions | undefined {
  if (!existsSync(layout.options)) return undefined;
  const value: unknown = JSON.parse(readFileSync(layout.options, 'utf8'));
  const read = (name: keyof LocalOptions): number => {
    const one: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
    if (typeof one !== 'number') throw new Error(`${layout.options}: ${name} must be a number`);
    return one;
  };
  return {
    servers: read('servers'),
    libraries: read('libraries'),
    drives: read('drives'),
    slots: read('slots'),
    tapeSizeBytes: read('tapeSizeBytes'),
    switches: read('switches'),
  };
}

const optionNames = ['servers', 'libraries', 'drives', 'slots', 'tapeSizeBytes', 'switches'] as const;

/** For commander: a whole number within bounds. */
export function wholeNumber(lowest: number, highest: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= lowest && value <= highest)) {
      throw new InvalidArgumentError(`It must be a whole number from ${lowest} to ${highest}.`);
    }
    return value;
  };
}

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};
const smallestTapeBytes = 16 * 2 ** 20;

/** For commander: a size as Kubernetes writes it, such as 20Gi. */
export function tapeSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,12})([kMGT]|[KMGT]i)?$/.exec(text) ?? [];
  const bytes = digits === '' ? Number.NaN : Number(digits) * (unitBytes[unit] ?? Number.NaN);
  if (!Number.isSafeInteger(bytes) || bytes < smallestTapeBytes) {
    throw new InvalidArgumentError('It must be a size of at least 16Mi, such as 500Mi or 20Gi.');
  }
  return bytes;
}
