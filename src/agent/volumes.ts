/** Puts a pod's volumes where its process can reach them and says where each lies. */
import { mkdirSync, statSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Api } from '../kube/api.ts';
import { isApiError } from '../kube/api.ts';
import { ConfigProblem } from './config-problem.ts';
import {
  configMaps,
  secrets,
  type ContainerSpec,
  type KeyToPath,
  type Pod,
  type PodIdentity,
  type ProjectedSource,
  type Volume,
} from './core-objects.ts';
import { readField, type NodeAddress } from './field-reference.ts';
import type { Mount } from './mount-table.ts';
import type { PodFolder } from './pod-folder.ts';
import { requestToken, standardAccountFolder } from './service-account.ts';
import { writeWhole } from './whole-file.ts';

export interface VolumeContext {
  readonly api: Api;
  readonly pod: Pod;
  readonly identity: PodIdentity;
  readonly node: NodeAddress;
  readonly folder: PodFolder;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** Mounts of the container. Rejects with a `ConfigProblem` when a volume is not there or not what the pod says. */
export const prepareMounts = async (context: VolumeContext, container: ContainerSpec): Promise<readonly Mount[]> => {
  const mounts = container.volumeMounts ?? [];
  const used = (context.pod.spec?.volumes ?? []).filter((volume) => mounts.some(({ name }) => name === volume.name));
  const isAccount = (volume: Volume): boolean =>
    mounts.some((mount) => mount.name === volume.name && mount.mountPath === standardAccountFolder);
  const places = new Map<string, string>();
  await Promise.all(
    used.map(async (volume) => {
      // The account's files are written and renewed apart; the volume that admission adds for them is that folder.
      const place = isAccount(volume) ? context.folder.serviceAccount : await prepareVolume(context, volume);
      places.set(volume.name, place);
    }),
  );
  return mounts.map(({ name, mountPath, subPath }) => {
    const place = places.get(name);
    if (place === undefined) throw new ConfigProblem(`the mount ${mountPath} names a volume ${name} that is not there`);
    return { mountPath, hostPath: subPath === undefined || subPath === '' ? place : prepareSubPath(place, subPath) };
  });
};

const prepareVolume = async (context: VolumeContext, volume: Volume): Promise<string> => {
  if (volume.hostPath !== undefined) return prepareHostPath(volume.hostPath.path, volume.hostPath.type ?? '');
  const place = join(context.folder.volumes, volume.name);
  mkdirSync(place, { recursive: true, mode: 0o700 });
  if (volume.projected !== undefined) {
    await Promise.all((volume.projected.sources ?? []).map((source) => writeSource(context, place, source)));
  }
  if (volume.secret !== undefined) {
    const { secretName, items, optional } = volume.secret;
    await writeSource(context, place, {
      secret: { name: secretName ?? '', items: items ?? [], optional: optional ?? false },
    });
  }
  return place;
};

const prepareSubPath = (place: string, subPath: string): string => {
  const path = join(place, subPath);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { recursive: true, mode: 0o750 });
  return path;
};

const hostPathTypes: Readonly<Record<string, { readonly is: (found: Stats) => boolean; readonly word: string }>> = {
  Directory: { is: (found) => found.isDirectory(), word: 'directory' },
  DirectoryOrCreate: { is: (found) => found.isDirectory(), word: 'directory' },
  File: { is: (found) => found.isFile(), word: 'file' },
  FileOrCreate: { is: (found) => found.isFile(), word: 'file' },
  Socket: { is: (found) => found.isSocket(), word: 'socket' },
  CharDevice: { is: (found) => found.isCharacterDevice(), word: 'character device' },
  BlockDevice: { is: (found) => found.isBlockDevice(), word: 'block device' },
};

/** An empty type is not checked, as a kubelet does not check it. */
const prepareHostPath = (path: string, type: string): string => {
  if (type === '') return path;
  const wanted = hostPathTypes[type];
  if (wanted === undefined) throw new ConfigProblem(`hostPath ${path} has an unknown type ${type}`);
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined && type === 'DirectoryOrCreate') mkdirSync(path, { recursive: true, mode: 0o755 });
    else if (found === undefined && type === 'FileOrCreate') writeWhole(path, '', 0o644);
    else if (found === undefined || !wanted.is(found)) {
      throw new ConfigProblem(`hostPath type check failed: ${path} is not a ${wanted.word}`);
    }
  } catch (error) {
    if (error instanceof ConfigProblem) throw error;
    throw new ConfigProblem(`hostPath ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return path;
};

const put = (place: string, path: string, content: string | Buffer): void => {
  if (path.startsWith('/') || path.split('/').includes('..')) {
    throw new ConfigProblem(`${path} is not a plain relative path`);
  }
  const target = join(place, path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  writeWhole(target, content);
};

const writeSource = async (context: VolumeContext, place: string, source: ProjectedSource): Promise<void> => {
  const { serviceAccountToken, downwardAPI, configMap, secret } = source;
  if (serviceAccountToken !== undefined) {
    const { api, pod, identity, nowMs, signal } = context;
    const issued = await requestToken(api, pod, identity, serviceAccountToken, nowMs, signal);
    put(place, serviceAccountToken.path, issued.token);
  }
  for (const { path, fieldRef } of downwardAPI?.items ?? []) {
    const value = readField(context.pod, context.node, fieldRef?.fieldPath ?? '');
    if (value === undefined) throw new ConfigProblem(`${path}: no such field ${fieldRef?.fieldPath ?? ''}`);
    put(place, path, value);
  }
  if (configMap !== undefined) await writeData(context, place, 'configMap', configMap);
  if (secret !== undefined) await writeData(context, place, 'secret', secret);
};

interface DataSource {
  readonly name?: string;
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
}

const writeData = async (
  context: VolumeContext,
  place: string,
  kind: DataKind,
  { name = '', items = [], optional = false }: DataSource,
): Promise<void> => {
  const data = await readData(context, kind, name);
  if (data === undefined) {
    if (optional) return;
    throw new ConfigProblem(`${kind} ${name} not found`);
  }
  const wanted = items.length > 0 ? items : Object.keys(data).map((key) => ({ key, path: key }));
  for (const { key, path } of wanted) {
    const value = data[key];
    if (value !== undefined) put(place, path, value);
    else if (!optional) throw new ConfigProblem(`${kind} ${name} has no key ${key}`);
  }
};

export type DataKind = 'secret' | 'configMap';

/** Undefined when there is no such object; a `ConfigProblem` when the agent may not read it. */
export const readData = async (
  context: Pick<VolumeContext, 'api' | 'identity' | 'signal'>,
  kind: DataKind,
  name: string,
): Promise<Readonly<Record<string, Buffer>> | undefined> => {
  const ref = { namespace: context.identity.namespace, name };
  try {
    const found = await context.api.get(kind === 'secret' ? secrets : configMaps, ref, context.signal);
    const encoding = kind === 'secret' ? 'base64' : 'utf8';
    return Object.fromEntries(
      Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]),
    );
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    if (isApiError(error, 'Forbidden')) throw new ConfigProblem(error.message, { cause: error });
    throw error;
  }
};
