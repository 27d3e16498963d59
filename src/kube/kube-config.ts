import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { chooseKubeConfig, type LoadKubeConfigOptions } from './kube-config-source.ts';

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

/** @throws KubeConfigError when what was chosen (`chooseKubeConfig`) cannot be read */
export const loadKubeConfig = async (options: LoadKubeConfigOptions = {}): Promise<KubeConfig> => {
  const source = chooseKubeConfig(options);
  return source.kind === 'serviceAccount'
    ? fromServiceAccount(source.server, source.folder)
    : fromFiles(source.files, source.context);
};

const fromFiles = async (files: readonly string[], context: string | undefined): Promise<KubeConfig> => {
  // Loaded here, since workers never come this way and the YAML parser costs them 30 ms.
  const { readKubeconfigFiles } = await import('./kubeconfig-file.ts');
  return readKubeconfigFiles(files, context);
};

const fromServiceAccount = async (server: string, dir: string): Promise<KubeConfig> => {
  const token = tokenFile(join(dir, 'token'));
  try {
    const tls = await authorityIn(dir);
    await token(true);
    return {
      server,
      namespace: await readFile(join(dir, 'namespace'), 'utf8').then(
        (text) => text.trim(),
        () => undefined,
      ),
      credentials: async (fresh) => ({ headers: { authorization: `Bearer ${await token(fresh)}` }, tls }),
    };
  } catch (error) {
    throw new KubeConfigError(`service account in ${dir} cannot be read`, error);
  }
};

/** Without `ca.crt` the API server's certificate is of an authority that this system knows by itself. */
const authorityIn = async (dir: string): Promise<TlsIdentity> => {
  try {
    return { ca: await readFile(join(dir, 'ca.crt')) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
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
