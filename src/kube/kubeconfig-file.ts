import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { delimiter, dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { isRecord } from './json-equal.ts';
import { KubeConfigError, tokenFile, type KubeConfig, type TlsIdentity } from './kube-config.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads kubeconfig files; several are merged as kubectl does.
 *
 * @throws KubeConfigError when a file is missing, is no kubeconfig or names what it does not hold
 */
export const readKubeconfigFiles = async (
  files: readonly string[],
  context: string | undefined,
): Promise<KubeConfig> => {
  const [file] = files;
  if (file === undefined || files.length > 1) return throughClientNode(files, context);
  let document: unknown;
  try {
    document = parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new KubeConfigError(`${file} cannot be read: ${error instanceof Error ? error.message : ''}`, error);
  }
  if (!isRecord(document)) throw new KubeConfigError(`${file} is no kubeconfig`);
  const contextName = context ?? textOf(document, 'current-context');
  if (contextName === undefined) throw new KubeConfigError(`${file} has no current-context`);
  const chosen = named(document, 'contexts', 'context', contextName, file);
  const cluster = named(document, 'clusters', 'cluster', textOf(chosen, 'cluster') ?? '', file);
  const userName = textOf(chosen, 'user');
  const user = userName === undefined ? {} : named(document, 'users', 'user', userName, file);
  if (needsClientNode(cluster, user)) return throughClientNode([file], context);
  return plain(file, textOf(chosen, 'namespace'), cluster, user);
};

const needsClientNode = (cluster: Fields, user: Fields): boolean =>
  cluster['proxy-url'] !== undefined ||
  Object.keys(user).some((key) => key === 'exec' || key === 'auth-provider' || key.startsWith('as'));

const plain = async (
  file: string,
  namespace: string | undefined,
  cluster: Fields,
  user: Fields,
): Promise<KubeConfig> => {
  const server = textOf(cluster, 'server')?.replace(/\/+$/, '');
  if (server === undefined || !URL.canParse(server)) throw new KubeConfigError(`${file}: cluster without a server URL`);
  const ca = await dataOrFile(file, cluster, 'certificate-authority');
  const cert = await dataOrFile(file, user, 'client-certificate');
  const key = await dataOrFile(file, user, 'client-key');
  const servername = textOf(cluster, 'tls-server-name');
  const tls: TlsIdentity = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { rejectUnauthorized: false } : {}),
  };
  const authorize = authorization(file, user);
  return {
    server,
    namespace,
    credentials: async (fresh) => {
      const value = await authorize(fresh);
      return { tls, headers: value === undefined ? {} : { authorization: value } };
    },
  };
};

const authorization = (file: string, user: Fields): ((fresh: boolean) => Promise<string | undefined>) => {
  const path = textOf(user, 'tokenFile');
  const token = textOf(user, 'token');
  const username = textOf(user, 'username');
  if (path !== undefined) {
    const read = tokenFile(resolve(dirname(file), path));
    return async (fresh) => `Bearer ${await read(fresh)}`;
  }
  if (token !== undefined) return async () => `Bearer ${token}`;
  if (username === undefined) return async () => undefined;
  const basic = Buffer.from(`${username}:${textOf(user, 'password') ?? ''}`).toString('base64');
  return async () => `Basic ${basic}`;
};

/** `NAME-data` in base64, else the file that `NAME` points to, relative to the kubeconfig. */
const dataOrFile = async (file: string, fields: Fields, name: string): Promise<Buffer | undefined> => {
  const data = textOf(fields, `${name}-data`);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const path = textOf(fields, name);
  if (path === undefined) return undefined;
  try {
    return await readFile(resolve(dirname(file), path));
  } catch (error) {
    throw new KubeConfigError(`${file}: ${name} ${path} cannot be read`, error);
  }
};

const textOf = (fields: Fields, name: string): string | undefined => {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const named = (document: Fields, list: string, field: string, name: string, file: string): Fields => {
  const entries: unknown = document[list];
  for (const entry of Array.isArray(entries) ? (entries as readonly unknown[]) : []) {
    if (!isRecord(entry) || entry['name'] !== name) continue;
    const value = entry[field];
    return isRecord(value) ? value : {};
  }
  throw new KubeConfigError(`${file}: no "${name}" among its ${list}`);
};

const throughClientNode = async (files: readonly string[], context: string | undefined): Promise<KubeConfig> => {
  const { loadClientNodeConfig } = await import('./client-node-config.ts');
  const config = await loadClientNodeConfig({ kind: 'files', files, context }).catch((error: unknown) => {
    throw new KubeConfigError(`${files.join(delimiter)} cannot be read`, error);
  });
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new KubeConfigError(`${files.join(delimiter)}: the current context has no cluster`);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace,
    credentials: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const { ca, cert, key, servername, rejectUnauthorized, agent } = options;
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(options.headers ?? {})) {
        if (typeof value === 'string') headers[name.toLowerCase()] = value;
      }
      if (typeof options.auth === 'string') {
        headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
      }
      return {
        headers,
        tls: {
          ...(ca === undefined ? {} : { ca }),
          ...(cert === undefined ? {} : { cert }),
          ...(key === undefined ? {} : { key }),
          ...(servername === undefined ? {} : { servername }),
          ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
        },
        ...(cluster.proxyUrl !== undefined && typeof agent === 'object' ? { agent } : {}),
      };
    },
  };
};
