/** Where the executables of the control plane come from. */
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { buildBinaries } from './binary-build.ts';
import { downloadBinaries } from './binary-download.ts';
import { withMachineLock } from '../processes/machine-lock.ts';
import { type BinaryName, binaryNames, goSources, kubernetesVersion } from './release.ts';

/** Absolute path of every executable. */
export type Binaries = Readonly<Record<BinaryName, string>>;

/** No source has all executables; the message says what to do. */
export class BinariesNotFoundError extends Error {
  readonly code = 'BINARIES_NOT_FOUND';
}

/** One way to get the executables: fills the empty folder with all of them, or throws and says why it can't. */
export interface BinarySource {
  readonly name: string;
  fill(folder: string, log: (line: string) => void, signal: AbortSignal | undefined): Promise<void>;
}

export interface FindOptions {
  readonly log: (line: string) => void;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What to try, in order, when neither KUBEBUILDER_ASSETS nor the cache has all. */
  readonly sources?: readonly BinarySource[];
  readonly signal?: AbortSignal;
}

const publishedSources: readonly BinarySource[] = [
  { name: 'download', fill: (folder, log, signal) => downloadBinaries({ folder, log, signal }) },
  { name: 'build from Go modules', fill: (folder, log, signal) => buildBinaries({ folder, log, signal }) },
];

/**
 * Finds the executables: KUBEBUILDER_ASSETS, the cache, a download, a build; the last two fill the cache.
 * Executables of different sources are never mixed, since their versions could differ.
 * @throws BinariesNotFoundError
 */
export async function findBinaries(options: FindOptions): Promise<Binaries> {
  const env = options.env ?? process.env;
  const assets = env['KUBEBUILDER_ASSETS'];
  if (assets !== undefined && assets !== '') {
    const missing = missingIn(assets);
    if (missing.length === 0) return binariesIn(assets);
    options.log(`KUBEBUILDER_ASSETS=${assets} is not used: it lacks ${missing.join(', ')}`);
  }
  const folder = cacheFolder(env);
  if (missingIn(folder).length === 0) return binariesIn(folder);
  return withMachineLock(
    folder,
    () => options.log('another process is getting the control plane binaries; waiting for it'),
    async () => {
      if (missingIn(folder).length > 0) await fillCache(folder, options);
      return binariesIn(folder);
    },
  );
}

/** Keyed by everything that goes into the executables. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(path.join(goSources, file)));
  const key = `${kubernetesVersion}-${process.arch}-${hash.digest('hex').slice(0, 12)}`;
  return path.join(cacheRoot(env), 'controlplane', key);
}

export function cacheRoot(env: Readonly<Record<string, string | undefined>>): string {
  const xdg = env['XDG_CACHE_HOME'];
  // The XDG specification: a relative path is invalid and to be ignored.
  const base = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.cache');
  return path.join(base, 'twinreel');
}

async function fillCache(folder: string, options: FindOptions): Promise<void> {
  mkdirSync(path.dirname(folder), { recursive: true });
  const failures: string[] = [];
  for (const source of options.sources ?? publishedSources) {
    const unfinished = mkdtempSync(`${folder}.unfinished-`);
    try {
      await source.fill(unfinished, options.log, options.signal);
      const missing = missingIn(unfinished);
      if (missing.length > 0) throw new Error(`it gave no ${missing.join(', ')}`);
      rmSync(folder, { recursive: true, force: true });
      renameSync(unfinished, folder);
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      failures.push(`${source.name}: ${reason}`);
      options.log(`no binaries by ${source.name}: ${reason}`);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  }
  throw new BinariesNotFoundError(
    [
      `No source has the control plane (Kubernetes ${kubernetesVersion}).`,
      ...failures.map((failure) => `  - ${failure}`),
      `Either install Go 1.26 or newer and run this again, or set KUBEBUILDER_ASSETS to a folder that holds ${binaryNames.join(', ')}.`,
    ].join('\n'),
  );
}

function missingIn(folder: string): readonly BinaryName[] {
  return binaryNames.filter((name) => {
    try {
      accessSync(path.join(folder, name), constants.X_OK);
      return false;
    } catch {
      return true;
    }
  });
}

function binariesIn(folder: string): Binaries {
  const at = (name: BinaryName): string => path.resolve(folder, name);
  return {
    etcd: at('etcd'),
    'kube-apiserver': at('kube-apiserver'),
    'kube-controller-manager': at('kube-controller-manager'),
    'kube-scheduler': at('kube-scheduler'),
    kubectl: at('kubectl'),
  };
}
