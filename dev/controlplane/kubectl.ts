import { execFile } from 'node:child_process';

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KubectlOptions {
  readonly executable: string;
  readonly kubeconfig: string;
  readonly cacheFolder: string;
  readonly args: readonly string[];
  readonly input?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs kubectl once; an exit code other than 0 is a value.
 * @throws Error when it can't be run at all, or the signal ended it
 */
export async function runKubectl(options: KubectlOptions): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      options.executable,
      // Neither the user's preferences nor his cache of discovered kinds belong to this cluster.
      ['--kubeconfig', options.kubeconfig, '--cache-dir', options.cacheFolder, ...options.args],
      {
        maxBuffer: 1 << 28,
        env: { ...process.env, KUBECTL_KUBERC: 'false', KUBECONFIG: options.kubeconfig },
        signal: options.signal,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
        else reject(new Error(`kubectl did not run: ${error.message}`, { cause: error }));
      },
    );
    child.stdin?.on('error', () => undefined); // it may end without reading its input
    child.stdin?.end(options.input ?? '');
  });
}
