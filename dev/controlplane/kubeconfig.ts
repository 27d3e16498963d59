import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import type { CertificateFiles } from './certificates.ts';

export interface KubeconfigOptions {
  readonly file: string;
  readonly url: string;
  /** Certificate of the authority that signed the server's. */
  readonly caFile: string;
  readonly client: CertificateFiles;
  readonly user: string;
  /** Namespace of the context; absent: `default`. */
  readonly namespace?: string;
}

/** Writes a kubeconfig that needs no other file, readable by its owner only; whoever reads it sees all or nothing. */
export function writeKubeconfig(options: KubeconfigOptions): void {
  const base64 = (file: string): string => readFileSync(file).toString('base64');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'twinreel', cluster: { server: options.url, 'certificate-authority-data': base64(options.caFile) } },
    ],
    users: [
      {
        name: options.user,
        user: {
          'client-certificate-data': base64(options.client.certFile),
          'client-key-data': base64(options.client.keyFile),
        },
      },
    ],
    contexts: [
      {
        name: 'twinreel',
        context: {
          cluster: 'twinreel',
          user: options.user,
          ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
        },
      },
    ],
    'current-context': 'twinreel',
  };
  mkdirSync(path.dirname(options.file), { recursive: true });
  const unfinished = `${options.file}.new`;
  writeFileSync(unfinished, stringify(content, { lineWidth: 0 }), { mode: 0o600 });
  renameSync(unfinished, options.file);
}
