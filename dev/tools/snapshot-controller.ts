/** The snapshot controller of Kubernetes and the CRDs that belong to it, built from the modules in `snapshots/go.mod`. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheRoot } from '../controlplane/binaries.ts';
import { findGo } from '../controlplane/binary-build.ts';
import { withMachineLock } from '../processes/machine-lock.ts';
import { GoToolError } from './go-tools.ts';

const sources = path.join(import.meta.dirname, 'snapshots');
const controller = 'github.com/kubernetes-csi/external-snapshotter/v8/cmd/snapshot-controller';
const client = 'github.com/kubernetes-csi/external-snapshotter/client/v8';

export interface SnapshotController {
  readonly program: string;
  /** Folder with one YAML file for each CRD. */
  readonly crds: string;
}

const locate = (folder: string): SnapshotController => ({
  program: path.join(folder, 'snapshot-controller'),
  crds: path.join(folder, 'crds'),
});

/**
 * Built when it is not there yet: that takes a minute or two, once per machine and version.
 * @throws GoToolError
 */
export async function findSnapshotController(
  log: (line: string) => void = (line) => console.error(line),
): Promise<SnapshotController> {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(path.join(sources, file)));
  const name = `${process.arch}-${hash.digest('hex').slice(0, 12)}`;
  const folder = path.join(cacheRoot(process.env), 'snapshots', name);
  if (existsSync(folder)) return locate(folder);
  mkdirSync(path.dirname(folder), { recursive: true });
  return withMachineLock(
    folder,
    () => log('another process is building the snapshot controller; waiting for it'),
    async () => {
      if (!existsSync(folder)) await build(folder, log);
      return locate(folder);
    },
  );
}

async function build(folder: string, log: (line: string) => void): Promise<void> {
  const go = findGo();
  if (go === undefined) {
    throw new GoToolError(
      'the snapshot controller is built with Go, and there is none in PATH nor in /usr/local/go/bin: install Go 1.26',
    );
  }
  log('building the snapshot controller from Go modules; this takes a minute or two, once');
  const unfinished = mkdtempSync(`${folder}.unfinished-`);
  // Static, so that it neither needs a C compiler nor a matching libc.
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' };
  const run = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(go, args, { cwd: sources, env, maxBuffer: 1 << 24 })).stdout;
  try {
    const { program, crds } = locate(unfinished);
    await run('build', '-trimpath', '-ldflags', '-s -w', '-o', program, controller);
    const module = (await run('list', '-m', '-f', '{{.Dir}}', client)).trim();
    const source = path.join(module, 'config', 'crd');
    mkdirSync(crds);
    // Those of group snapshots, too: without them the controller waits for half a minute before it starts.
    for (const file of readdirSync(source).filter((name) => name.includes('snapshot.storage.k8s.io_'))) {
      cpSync(path.join(source, file), path.join(crds, file));
    }
    renameSync(unfinished, folder);
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    throw new GoToolError(`the snapshot controller could not be built: ${told}`, { cause: error });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
