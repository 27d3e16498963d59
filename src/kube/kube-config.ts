import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';

/**
 * Where the API server is and how to show who one is.
 *
 * `@kubernetes/client-node` knows every way of signing in, but importing it takes about 600 ms of CPU and 80 MB, its
 * `config.js` alone just as much (it pulls in all generated clients): too much for a worker that lives for one action.
 * So a service account and the plain kinds of kubeconfig are read here; client-node is loaded only for the others
 * (exec plugins, auth providers, impersonation, proxies, several files).
 */
export interface KubeConfig {
  /** Base URL, without a trailing slash. */
  readonly server: string;
  /** Namespace of the service account or of the context. */
  readonly namespace: string | undefined;
  /** Credentials for one call. `fresh`: the last ones were refused, ask again whatever is cached. */
  credentials(fresh: boolean): Promise<Credentials>;
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsIdentity;
  /** Only when the way leads through a proxy; else the caller keeps its own connections. */
  readonly agent?: Agent;
}

export type TlsIdentity = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> & {
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};

export class KubeConfigError extends Error {
  readonly code = 'KubeConfig';
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'KubeConfigError';
  }
}

export interface LoadKubeConfigOptions {
  /** A kubeconfig file. */
  readonly kubeconfig?: string;
  /** Context of the kubeconfig; absent: its current one. */
  readonly context?: string;
  /** Folder with `token`, `ca.crt` and `namespace`; absent: `TWINREEL_SERVICE_ACCOUNT_DIR`, else the pod's usual one. */
  readonly serviceAccountDir?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const podServiceAccountDir = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The first of: the file given, `KUBECONFIG`, the service account (where `KUBERNETES_SERVICE_HOST` is set),
 * `~/.kube/config`.
 *
 * @throws KubeConfigError when what was chosen cannot be read
 */
export const loadKubeConfig = async (options: LoadKubeConfigOptions = {}): Promise<KubeConfig> => {
  const env = options.env ?? process.env;
  if (options.kubeconfig !== undefined) return fromFiles([options.kubeconfig], options.context);
  const files = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (files.length > 0) return fromFiles(files, options.context);
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined) return fromServiceAccount(env, options.serviceAccountDir);
  return fromFiles([join(homedir(), '.kube', 'config')], options.context);
};

const fromFiles = async (files: readonly string[], context: string | undefined): Promise<KubeConfig> => {
  // Loaded here, since workers never come this way and the YAML parser costs them 30 ms.
  const { readKubeconfigFiles } = await import('./kubeconfig-file.ts');
  return readKubeconfigFiles(files, context);
};

const fromServiceAccount = async (
  env: Readonly<Record<string, string | undefined>>,
  serviceAccountDir: string | undefined,
): Promise<KubeConfig> => {
  const dir = serviceAccountDir ?? env['TWINREEL_SERVICE_ACCOUNT_DIR'] ?? podServiceAccountDir;
  const host = env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const token = tokenFile(join(dir, 'token'));
  try {
    const ca = await readFile(join(dir, 'ca.crt'));
    await token(true);
    return {
      server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      namespace: await readFile(join(dir, 'namespace'), 'utf8').then(
        (text) => text.trim(),
        () => undefined,
      ),
      credentials: async (fresh) => ({ headers: { authorization: `Bearer ${await token(fresh)}` }, tls: { ca } }),
    };
  } catch (error) {
    throw new KubeConfigError(`service account in ${dir} cannot be read`, error);
  }
};

/** A kubelet replaces the token long before it expires; this is how late that may be noticed without a refusal. */
const tokenAgeMs = 10_000;

/** Reads a token file again as it ages; a file that is missing for a moment leaves the last token in use. */
export const tokenFile = (path: string): ((fresh: boolean) => Promise<string>) => {
  let token: string | undefined;
  let readAt = 0;
  return async (fresh) => {
    const now = performance.now();
    if (token !== undefined && !fresh && now - readAt < tokenAgeMs) return token;
    try {
      token = (await readFile(path, 'utf8')).trim();
      readAt = now;
      return token;
    } catch (error) {
      if (token !== undefined) return token;
      throw error;
    }
  };
};
