import { execFile, spawn } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { binaryNames, goSources, kubernetesVersion } from './release.ts';

export interface BuildOptions {
  readonly folder: string;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

const progressEveryMs = 15_000;

/**
 * Builds the one binary of `go/` from Go modules (minutes, once) and gives it all its names.
 * @throws Error when Go is missing or the build fails
 */
export async function buildBinaries(options: BuildOptions): Promise<void> {
  const go = findGo();
  if (go === undefined) throw new Error('there is no go in PATH nor in /usr/local/go/bin');
  options.log(`building Kubernetes ${kubernetesVersion} from Go modules; this takes several minutes, once`);
  await compile(go, options);
  for (const name of binaryNames) symlinkSync('controlplane', path.join(options.folder, name));
}

async function compile(go: string, options: BuildOptions): Promise<void> {
  const startMs = performance.now();
  // Static, so that it neither needs a C compiler nor a matching libc.
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' };
  const compiled: string[] = [];
  let describe = (): string => 'downloading Go modules';
  const timer = setInterval(
    () => options.log(`  ${elapsed(performance.now() - startMs)}: ${describe()}`),
    progressEveryMs,
  );
  try {
    const total = await countPackages(go, env, options.signal);
    describe = () => `${compiled.length}${total === undefined ? '' : ` of at most ${total}`} packages compiled`;
    await runBuild(go, env, options, (name) => compiled.push(name));
  } finally {
    clearInterval(timer);
  }
  options.log(`built in ${elapsed(performance.now() - startMs)}`);
}

/** @param onPackage called with the name of each package once it is compiled */
async function runBuild(
  go: string,
  env: NodeJS.ProcessEnv,
  options: BuildOptions,
  onPackage: (name: string) => void,
): Promise<void> {
  const output = path.join(options.folder, 'controlplane');
  const child = spawn(go, ['build', '-v', '-trimpath', '-ldflags', linkerFlags(), '-o', output, '.'], {
    cwd: goSources,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    signal: options.signal,
  });
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (/^[\w.\-/]+$/.test(line)) onPackage(line);
    else errors.push(line);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`go build failed (${code ?? 'killed'}):\n${errors.slice(-20).join('\n')}`);
}

/** Without these, clients take the server for version 0.0 and choke on it. */
function linkerFlags(): string {
  const [major = '', minor = ''] = kubernetesVersion.slice(1).split('.');
  const set = (name: string, value: string): string => `-X k8s.io/component-base/version.${name}=${value}`;
  return ['-s -w', set('gitVersion', kubernetesVersion), set('gitMajor', major), set('gitMinor', minor)].join(' ');
}

/** How many packages there are; those compiled in an earlier try are not named again. Undefined: unknown. */
async function countPackages(
  go: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    const options = { cwd: goSources, env, maxBuffer: 1 << 24, signal };
    const { stdout } = await promisify(execFile)(go, ['list', '-deps', '.'], options);
    return stdout.trim().split('\n').length;
  } catch {
    return undefined; // the build itself says what is wrong
  }
}

/** Undefined where there is none. */
export function findGo(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/local/go/bin'];
  return folders.map((folder) => path.join(folder, 'go')).find((file) => existsSync(file));
}

function elapsed(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}
