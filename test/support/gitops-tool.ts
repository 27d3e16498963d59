/** What Flux, Argo CD and kubectl make of objects: `test/gitops/go`, built once and kept in the cache. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { cacheRoot } from '../../dev/controlplane/binaries.ts';
import { findGo } from '../../dev/controlplane/binary-build.ts';
import { withMachineLock } from '../../dev/processes/machine-lock.ts';

const sources = join(import.meta.dirname, '..', 'gitops', 'go');

export interface Answer {
  readonly status: string;
  readonly message: string;
}

/** As Flux computes it, for each object. */
export const kstatusOf = (objects: readonly object[]): Promise<readonly Answer[]> => ask(['kstatus'], objects);

/** As Argo CD runs the scripts of a folder, for each object. */
export const healthOf = (folder: string, objects: readonly object[]): Promise<readonly Answer[]> =>
  ask(['health', folder], objects);

/** What applying the configuration again would change by the rules of a client-side apply; `{}` for nothing. */
export const clientDiffOf = (pairs: readonly { readonly config: object; readonly live: object }[]) =>
  ask<object>(['diff'], pairs);

const ask = async <T = Answer>(args: readonly string[], items: readonly object[]): Promise<readonly T[]> => {
  const child = spawn(await findTool(), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  child.stdin.end(JSON.stringify(items));
  const [code, out, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`gitops ${args.join(' ')}: ${errors}`);
  return JSON.parse(out) as readonly T[];
};

const findTool = async (): Promise<string> => {
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(sources, file)));
  const tool = join(cacheRoot(process.env), 'gitops', `${process.arch}-${hash.digest('hex').slice(0, 12)}`, 'gitops');
  if (existsSync(tool)) return tool;
  mkdirSync(dirname(tool), { recursive: true });
  await withMachineLock(
    dirname(tool),
    () => undefined,
    async () => {
      if (!existsSync(tool)) await build(tool);
    },
  );
  return tool;
};

const build = async (tool: string): Promise<void> => {
  const go = findGo();
  if (go === undefined) throw new Error('these tests need Go 1.26 or newer, in PATH or in /usr/local/go/bin');
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' };
  const unfinished = `${tool}.${process.pid}`;
  await promisify(execFile)(go, ['build', '-trimpath', '-o', unfinished, '.'], { cwd: sources, env });
  renameSync(unfinished, tool);
};
