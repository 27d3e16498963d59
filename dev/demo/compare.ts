/** Compares what was restored with the source, every byte and attribute, in a thread so that Ctrl-C is still heard. */
import { lstatSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { unescapePath } from '../../src/archive/escape.ts';
import { count } from '../../src/cli/amounts.ts';
import { formatBytes } from '../../src/decide/units.ts';
import { bufferOf, type Bytes } from '../../src/posix/bytes.ts';
import type { TreeCompareOptions, TreeComparison } from '../../test/support/compare-trees.ts';
import { DemoError } from './demo-error.ts';
import type { Stage } from './stage.ts';

export interface CompareOrder {
  readonly left: string;
  readonly right: string;
  readonly options: TreeCompareOptions;
}

const shownDifferences = 20;

/**
 * Says what was the same. Files of a live source that were changed after `since` are told and do not count.
 * @throws DemoError with the differences
 */
export async function requireSame(
  stage: Pick<Stage, 'teller' | 'times' | 'signal'>,
  what: string,
  order: CompareOrder,
  since: Date,
): Promise<void> {
  const startMs = performance.now();
  const result = await compareInThread(order, stage.signal);
  stage.times.add(`compare: ${what}`, performance.now() - startMs, formatBytes(result.bytes));
  const { real, meanwhile } = judgeDifferences(order.left, result.differences, since);
  if (meanwhile.length > 0) {
    stage.teller.say(`changed in the source since the backup began, not compared: ${meanwhile.join(', ')}`);
  }
  if (real.length > 0) {
    const shown = real.slice(0, shownDifferences).map((one) => `     ${one}`);
    throw new DemoError(
      [`${what}: NOT the same as the source, ${count(real.length, 'difference')}:`, ...shown].join('\n'),
    );
  }
  const { files, folders, others, bytes, hardLinks } = result;
  const parts = [
    `${count(files, 'file')} with ${formatBytes(bytes)}`,
    ...(folders === 0 ? [] : [count(folders, 'folder')]),
    ...(others === 0 ? [] : [count(others, 'symlink or fifo', 'symlinks and fifos')]),
    ...(hardLinks === 0 ? [] : [count(hardLinks, 'hard-linked name')]),
  ];
  stage.teller.good(`${what}: identical to the source (${parts.join(', ')})`);
}

/** @param differences as `escaped path: what` */
export function judgeDifferences(
  source: string,
  differences: readonly string[],
  since: Date,
): { readonly real: readonly string[]; readonly meanwhile: readonly string[] } {
  const changed = (difference: string): boolean => {
    const escaped = difference.slice(0, difference.lastIndexOf(': '));
    try {
      return changedSince(source, unescapePath(escaped), since);
    } catch {
      return false; // no path: a difference all the same
    }
  };
  return {
    real: differences.filter((one) => !changed(one)),
    meanwhile: differences.filter(changed).map((one) => one.slice(0, one.lastIndexOf(': '))),
  };
}

/** Of what is gone the folder tells that something in it was changed. */
function changedSince(source: string, child: Bytes, since: Date): boolean {
  const file = Buffer.concat([Buffer.from(`${source}/`), bufferOf(child)]);
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat !== undefined) return stat.ctime > since;
  return child !== '' && changedSince(source, child.slice(0, Math.max(0, child.lastIndexOf('/'))), since);
}

async function compareInThread(order: CompareOrder, signal: AbortSignal): Promise<TreeComparison> {
  signal.throwIfAborted();
  const thread = new Worker(new URL('compare-thread.ts', import.meta.url), { workerData: order });
  const stop = (): void => void thread.terminate();
  signal.addEventListener('abort', stop);
  try {
    return await new Promise<TreeComparison>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', (code) => {
        reject(signal.aborted ? new Error('stopped') : new DemoError(`the comparison ended with ${String(code)}`));
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
