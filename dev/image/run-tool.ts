import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ImageError } from './image-error.ts';

/**
 * Runs a program to its end.
 * @param hint how to get the program where it is missing
 * @returns its standard output
 * @throws ImageError with what it wrote, when it is missing or fails
 */
export const runTool = async (
  tool: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly hint?: string } = {},
): Promise<string> => {
  try {
    const { stdout } = await promisify(execFile)(tool, args, { cwd: options.cwd, maxBuffer: 1 << 28 });
    return stdout;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new ImageError(`there is no ${tool}: ${options.hint ?? `install it`}`, { cause: error });
    }
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new ImageError(`${tool} ${args.join(' ')} failed:\n${said}`, { cause: error });
  }
};
