/** Where the way to the API server is described; everything that connects to it chooses by this one rule. */
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface LoadKubeConfigOptions {
  /** A kubeconfig file. */
  readonly kubeconfig?: string;
  /** Context of the kubeconfig; absent: its current one. */
  readonly context?: string;
  /** Folder with `token`, `ca.crt` and `namespace`; absent: `TWINREEL_SERVICE_ACCOUNT_DIR`, else the pod's usual one. */
  readonly serviceAccountDir?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export type KubeConfigSource =
  | { readonly kind: 'files'; readonly files: readonly string[]; readonly context: string | undefined }
  | { readonly kind: 'serviceAccount'; readonly server: string; readonly folder: string };

const podServiceAccountDir = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The first of: the file given, `KUBECONFIG`, the service account (where `KUBERNETES_SERVICE_HOST` is set),
 * `~/.kube/config`.
 */
export const chooseKubeConfig = (options: LoadKubeConfigOptions = {}): KubeConfigSource => {
  const env = options.env ?? process.env;
  const { kubeconfig, context } = options;
  if (kubeconfig !== undefined) return { kind: 'files', files: [kubeconfig], context };
  const files = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (files.length > 0) return { kind: 'files', files, context };
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host === undefined) return { kind: 'files', files: [join(homedir(), '.kube', 'config')], context };
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  return {
    kind: 'serviceAccount',
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    folder: options.serviceAccountDir ?? env['TWINREEL_SERVICE_ACCOUNT_DIR'] ?? podServiceAccountDir,
  };
};
