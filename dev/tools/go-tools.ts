/** Programs that tests and the development cluster need and that come as Go modules, each at one exact version. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheRoot } from '../controlplane/binaries.ts';
import { elapsed, findGo } from '../controlplane/binary-build.ts';
import { kubernetesVersion } from '../controlplane/release.ts';
import { withMachineLock } from '../processes/machine-lock.ts';

interface GoPackage {
  readonly package: string;
  readonly version: string;
  /** Variables that the project's own build sets at link time, and without which the program misleads its user. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Build tags that leave out what is not used here, and takes long to compile. */
  readonly tags?: readonly string[];
}

/** Helm takes them for the cluster's version where it has none, as in `helm template`. */
const helmVariables = (): Readonly<Record<string, string>> => {
  const [major = '', minor = ''] = kubernetesVersion.slice(1).split('.');
  const helm = 'helm.sh/helm/v3';
  return Object.fromEntries(
    [`${helm}/pkg/chartutil`, `${helm}/pkg/lint/rules`].flatMap((at) => [
      [`${at}.k8sVersionMajor`, major],
      [`${at}.k8sVersionMinor`, minor],
    ]),
  );
};

const containerd = (name: string): GoPackage => ({
  package: `github.com/containerd/containerd/v2/cmd/${name}`,
  version: 'v2.4.2',
});

const krew = (name: string): GoPackage => ({ package: `sigs.k8s.io/krew/cmd/${name}`, version: 'v0.4.3' });

const packages = {
  helm: { package: 'helm.sh/helm/v3/cmd/helm', version: 'v3.22.0', variables: helmVariables() },
  promtool: {
    package: 'github.com/prometheus/prometheus/cmd/promtool',
    version: 'v0.316.0',
    // Service discovery brings the SDKs of a dozen clouds; rules and their tests need none.
    tags: ['remove_all_sd'],
  },
  containerd: containerd('containerd'),
  ctr: containerd('ctr'),
  'containerd-shim-runc-v2': containerd('containerd-shim-runc-v2'),
  krew: krew('krew'),
  'validate-krew-manifest': krew('validate-krew-manifest'),
} satisfies Readonly<Record<string, GoPackage>>;

export type GoToolName = keyof typeof packages;

export interface GoToolOptions {
  readonly log?: (line: string) => void;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** The tool could not be built; the message says what to do. */
export class GoToolError extends Error {
  readonly code = 'GO_TOOL_NOT_BUILT';
}

const progressEveryMs = 15_000;

/** Where the tool is or will be; the file has the tool's own name, as some tools look at theirs. */
export const goToolFile = (name: GoToolName, env: GoToolOptions['env'] = process.env): string => {
  const { version } = packages[name];
  return path.join(cacheRoot(env), 'tools', `${name}-${version}-${process.arch}`, name);
};

/**
 * Path of the executable, built when it is not there yet: that takes minutes, once per machine and version.
 * Several processes may ask at the same time; one of them builds.
 * @throws GoToolError
 */
export async function goTool(name: GoToolName, options: GoToolOptions = {}): Promise<string> {
  const file = goToolFile(name, options.env);
  if (existsSync(file)) return file;
  const log = options.log ?? ((line: string) => console.error(line));
  const folder = path.dirname(file);
  mkdirSync(path.dirname(folder), { recursive: true });
  return withMachineLock(
    folder,
    () => log(`another process is building ${name}; waiting for it`),
    async () => {
      if (!existsSync(file)) await build(name, folder, log, options);
      return file;
    },
  );
}

async function build(
  name: GoToolName,
  folder: string,
  log: (line: string) => void,
  options: GoToolOptions,
): Promise<void> {
  const go = findGo();
  if (go === undefined) {
    throw new GoToolError(
      `${name} is built with Go, and there is none in PATH nor in /usr/local/go/bin: install Go 1.26`,
    );
  }
  const startMs = performance.now();
  const tool: GoPackage = packages[name];
  const what = `${tool.package}@${tool.version}`;
  log(`building ${name} ${tool.version} from Go modules; this takes minutes, once`);
  const timer = setInterval(
    () => log(`  ${elapsed(performance.now() - startMs)}: still building ${name}`),
    progressEveryMs,
  );
  const unfinished = mkdtempSync(`${folder}.unfinished-`);
  try {
    await install(go, tool, unfinished, options);
    rmSync(folder, { recursive: true, force: true });
    renameSync(unfinished, folder);
    log(`built ${name} in ${elapsed(performance.now() - startMs)}`);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new GoToolError(`go install ${what} failed: ${messageOf(error)}`, { cause: error });
  } finally {
    clearInterval(timer);
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** Static, so that it neither needs a C compiler nor a matching libc. */
async function install(go: string, tool: GoPackage, folder: string, options: GoToolOptions): Promise<void> {
  const goEnv = { CGO_ENABLED: '0', GOBIN: folder, GOFLAGS: '-buildvcs=false', GOWORK: 'off' };
  const variables = Object.entries(tool.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const linked = ['-s -w', ...variables].join(' ');
  const tags = (tool.tags ?? []).join(',');
  const args = ['install', '-trimpath', '-tags', tags, '-ldflags', linked, `${tool.package}@${tool.version}`];
  const env = { ...(options.env ?? process.env), ...goEnv };
  await promisify(execFile)(go, args, { env, maxBuffer: 1 << 24, signal: options.signal });
}

const messageOf = (error: unknown): string => {
  const stderr: unknown = typeof error === 'object' && error !== null && 'stderr' in error ? error.stderr : undefined;
  if (typeof stderr === 'string' && stderr !== '') return stderr.trim().split('\n').slice(-20).join('\n');
  return error instanceof Error ? error.message : String(error);
};
