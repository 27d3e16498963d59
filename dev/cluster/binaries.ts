/** Where the executables of a node come from: built once from Go modules, kept in the cache. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { cacheRoot } from '../controlplane/binaries.ts';
import { kubernetesVersion } from '../controlplane/release.ts';
import { withMachineLock } from '../processes/machine-lock.ts';

const containerdVersion = 'v2.4.2';
const containerdPrograms = ['containerd', 'ctr', 'containerd-shim-runc-v2'] as const;
const goSources = path.join(import.meta.dirname, 'go');
const progressEveryMs = 15_000;

export class NodeBinariesError extends Error {
  readonly code = 'NODE_BINARIES_MISSING';
}

type Log = (line: string) => void;

/**
 * @returns the folder with kubelet, kube-proxy, network-policies, pause, containerd, ctr and containerd-shim-runc-v2
 * @throws NodeBinariesError when Go is missing or a build fails
 */
export async function findNodeBinaries(log: Log): Promise<string> {
  const folder = cacheFolder();
  if (existsSync(folder)) return folder;
  return withMachineLock(
    folder,
    () => log('another process is building the node binaries; waiting for it'),
    async () => {
      if (!existsSync(folder)) await fill(folder, log);
      return folder;
    },
  );
}

function cacheFolder(): string {
  const hash = createHash('sha256').update(containerdVersion);
  for (const file of ['main.go', 'go.mod', 'go.sum', 'pause/main.go', 'network-policies/main.go']) {
    hash.update(readFileSync(path.join(goSources, file)));
  }
  const key = `${kubernetesVersion}-${process.arch}-${hash.digest('hex').slice(0, 12)}`;
  return path.join(cacheRoot(process.env), 'node', key);
}

async function fill(folder: string, log: Log): Promise<void> {
  mkdirSync(path.dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}.unfinished-`);
  try {
    log(`building kubelet, kube-proxy ${kubernetesVersion} and containerd ${containerdVersion}; minutes, once`);
    const set = (name: string, value: string): string => `-X k8s.io/component-base/version.${name}=${value}`;
    const [major = '', minor = ''] = kubernetesVersion.slice(1).split('.');
    const version = [set('gitVersion', kubernetesVersion), set('gitMajor', major), set('gitMinor', minor)].join(' ');
    const at = (name: string): string => path.join(unfinished, name);
    await go(['build', '-trimpath', '-ldflags', `-s -w ${version}`, '-o', at('node'), '.'], '-mod=readonly', {}, log);
    for (const name of ['pause', 'network-policies'])
      await go(['build', '-trimpath', '-ldflags', '-s -w', '-o', at(name), `./${name}`], '-mod=readonly', {}, log);
    const programs = containerdPrograms.map(
      (name) => `github.com/containerd/containerd/v2/cmd/${name}@${containerdVersion}`,
    );
    await go(['install', '-trimpath', '-ldflags', '-s -w', ...programs], '', { GOBIN: unfinished }, log);
    for (const name of ['kubelet', 'kube-proxy']) symlinkSync('node', at(name));
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function go(
  args: readonly string[],
  flags: string,
  extra: Readonly<Record<string, string>>,
  log: Log,
): Promise<void> {
  const PATH = `${process.env['PATH'] ?? ''}${path.delimiter}/usr/local/go/bin`;
  const env = {
    ...process.env,
    PATH,
    CGO_ENABLED: '0',
    GOFLAGS: `${flags} -buildvcs=false`.trim(),
    GOWORK: 'off',
    ...extra,
  };
  const startMs = performance.now();
  const timer = setInterval(
    () => log(`  go ${args[0] ?? ''}: ${Math.round((performance.now() - startMs) / 1000)} s`),
    progressEveryMs,
  );
  try {
    const child = spawn('go', args, { cwd: goSources, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-4000)));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(new NodeBinariesError('there is no go; install Go 1.26 or newer', { cause })),
      );
      child.once('close', resolve);
    });
    if (code !== 0) throw new NodeBinariesError(`go ${args.join(' ')} failed (${code ?? 'killed'}):\n${errors}`);
  } finally {
    clearInterval(timer);
  }
}
