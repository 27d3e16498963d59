/** A restore with nothing of the product: labels read by their columns, then GNU tar and cat as the format's recipe says. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { type Ended, run } from './shell.ts';

export interface Payloads {
  /** Of the data segments, in order. */
  readonly data: readonly string[];
  readonly links: string;
  /** The folder that every payload names, such as `.twinreel-1a2b3c4d`. */
  readonly folder: string;
}

const recipe = path.join(import.meta.dirname, '..', 'unit', 'archive', 'by-hand.sh');
const labelBytes = 80;

/** The whole payloads of one job in exported tapes: a folder with `00000`, `00001`, … each. */
export const findPayloads = (tapes: readonly string[], jobUid: string): Payloads => {
  const uid = jobUid.replaceAll('-', '');
  const data = new Map<number, string>();
  const links: string[] = [];
  for (const tape of tapes) {
    const name = (number: number): string => path.join(tape, String(number).padStart(5, '0'));
    for (let group = 0; existsSync(name(3 * group + 3)); group += 1) {
      const uhl1 = labelAt(name(3 * group + 1), 2);
      const utl3 = labelAt(name(3 * group + 3), -1);
      if (!utl3.startsWith('UTL3WHOLE') || uhl1.slice(23, 55) !== uid) continue;
      const payload = name(3 * group + 2);
      if (uhl1[6] === 'D') data.set(Number(uhl1.slice(7, 13)), payload);
      if (uhl1[6] === 'L') links.push(payload);
    }
  }
  const [first] = links;
  if (first === undefined) throw new Error(`no whole links segment in ${tapes.join(', ')}`);
  const inOrder = [...data].sort(([a], [b]) => a - b).map(([, payload]) => payload);
  return { data: inOrder, links: first, folder: `.twinreel-${uid.slice(0, 8)}` };
};

/** @param at from the start, or from the end where it is negative */
const labelAt = (file: string, at: number): string => {
  const fd = openSync(file, 'r');
  try {
    const label = Buffer.alloc(labelBytes);
    const position = at < 0 ? fstatSync(fd).size + at * labelBytes : at * labelBytes;
    readSync(fd, label, 0, labelBytes, position);
    return label.toString('latin1');
  } finally {
    closeSync(fd);
  }
};

/** Into an existing folder. */
export const extractByHand = ({ data, links, folder }: Payloads, target: string): Promise<Ended> =>
  run('sh', [recipe, folder, links, ...data], { cwd: target });
