import { ImageError } from './image-error.ts';
import { runTool } from './run-tool.ts';

/** What the sources are, and the one time that everything in the image bears. */
export interface Revision {
  /** Of the commit, with `-dirty` when the checkout differs from it. */
  readonly name: string;
  readonly epochSeconds: number;
}

/** @throws ImageError when this is no git checkout and nothing says what it is instead */
export const observeRevision = async (checkout: string, env: NodeJS.ProcessEnv): Promise<Revision> => {
  const git = (...args: readonly string[]): Promise<string> => runTool('git', ['-C', checkout, ...args]);
  const given = env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && !/^\d+$/.test(given)) throw new ImageError(`SOURCE_DATE_EPOCH is not a number: ${given}`);
  try {
    const [commit = '', seconds = ''] = (await git('log', '-1', '--format=%H %ct')).trim().split(' ');
    const changed =
      (await git('status', '--porcelain', '--', 'src', 'crds', 'package.json', 'package-lock.json')) !== '';
    return { name: changed ? `${commit}-dirty` : commit, epochSeconds: Number(given ?? seconds) };
  } catch (error) {
    if (given !== undefined) return { name: 'unknown', epochSeconds: Number(given) };
    throw new ImageError('this is no git checkout: set SOURCE_DATE_EPOCH to the time of its sources, in seconds', {
      cause: error,
    });
  }
};
