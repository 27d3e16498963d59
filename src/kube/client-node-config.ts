/** The same sources for the client library, where its own ways of signing in or its web sockets are needed. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeConfigSource } from './kube-config-source.ts';

/** Rejects when a file is missing or is no kubeconfig. */
export const loadClientNodeConfig = async (source: KubeConfigSource): Promise<KubeConfig> => {
  const clientNode = await import('@kubernetes/client-node');
  const config = new clientNode.KubeConfig();
  if (source.kind === 'serviceAccount') {
    loadServiceAccount(config, source.server, source.folder);
    return config;
  }
  const [first = '', ...others] = source.files;
  config.loadFromFile(first);
  for (const file of others) {
    const more = new clientNode.KubeConfig();
    more.loadFromFile(file);
    config.mergeConfig(more, true);
  }
  if (source.context !== undefined) config.setCurrentContext(source.context);
  return config;
};

const loadServiceAccount = (config: KubeConfig, server: string, folder: string): void => {
  const caFile = join(folder, 'ca.crt');
  const name = 'serviceAccount';
  config.loadFromOptions({
    clusters: [{ name, server, skipTLSVerify: false, ...(existsSync(caFile) ? { caFile } : {}) }],
    users: [{ name, authProvider: { name: 'tokenFile', config: { tokenFile: join(folder, 'token') } } }],
    contexts: [{ name, cluster: name, user: name }],
    currentContext: name,
  });
};
