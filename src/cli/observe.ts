import type { BackupJob, BackupSaveRecord, Restore } from '../api/generated/index.ts';
import { backupJobs, backupSaveRecords, restores } from '../api/resources.ts';
import { isApiError, type Api, type KubeObject, type Ref, type Resource } from '../kube/api.ts';
import { CliError } from './cli-error.ts';
import { kindOfPrefix } from './names.ts';

export type Work =
  { readonly kind: 'BackupJob'; readonly object: BackupJob } | { readonly kind: 'Restore'; readonly object: Restore };

/** Which kinds a name on the command line may mean. */
export interface WorkName {
  readonly name: string;
  readonly kinds: readonly Work['kind'][];
}

/** `nightly` (either kind), `backupjob/nightly`, `restore/nightly`. @throws CliError */
export const parseWorkName = (text: string): WorkName => {
  const [prefix = '', name, ...more] = text.toLowerCase().split('/');
  if (name === undefined) return { name: text, kinds: ['BackupJob', 'Restore'] };
  const kind = kindOfPrefix(prefix);
  if ((kind !== 'backupjobs' && kind !== 'restores') || name === '' || more.length > 0)
    throw new CliError('WrongArgument', `${text} names no job: write NAME, backupjob/NAME or restore/NAME`);
  return { name, kinds: [kind === 'backupjobs' ? 'BackupJob' : 'Restore'] };
};

const pageSize = 500;

/** Jobs and restores of a namespace, or of all; jobs first, then by namespace and name. @throws CliError, ApiError */
export const readAll = async (api: Api, namespace: string | undefined, signal: AbortSignal): Promise<Work[]> => {
  const [jobs, restored] = await Promise.all([
    readList(api, backupJobs, namespace, signal),
    readList(api, restores, namespace, signal),
  ]);
  return [
    ...jobs.map((object): Work => ({ kind: 'BackupJob', object })),
    ...restored.map((object): Work => ({ kind: 'Restore', object })),
  ];
};

/** All pages of a list, by namespace and name. @throws CliError, ApiError */
export const readList = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<readonly T[]> => {
  const found: T[] = [];
  let continueToken: string | undefined;
  do {
    const page = await readPage(api, resource, { namespace, continueToken }, signal);
    found.push(...page.items);
    continueToken = page.continueToken;
  } while (continueToken !== undefined);
  return found.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
};

const keyOf = ({ metadata }: KubeObject): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

const readPage = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  at: { readonly namespace: string | undefined; readonly continueToken: string | undefined },
  signal: AbortSignal,
) => {
  const { namespace, continueToken } = at;
  try {
    return await api.list(
      resource,
      {
        limit: pageSize,
        ...(namespace !== undefined && { namespace }),
        ...(continueToken !== undefined && { continueToken }),
      },
      signal,
    );
  } catch (error) {
    // A collection that is not found is a kind that is not served.
    if (!isApiError(error, 'NotFound')) throw error;
    const message = `the API server knows no ${resource.plural}.${resource.group}: apply crds/ first`;
    throw new CliError('NotInstalled', message, { cause: error });
  }
};

/** What bears the name: one, or a job and a restore. @throws CliError, ApiError */
export const readNamed = async (
  api: Api,
  { name, kinds }: WorkName,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Work[]> => {
  const ref = { namespace, name };
  const found: Work[] = [];
  if (kinds.includes('BackupJob')) {
    const object = await readOne(api, backupJobs, ref, signal);
    if (object !== undefined) found.push({ kind: 'BackupJob', object });
  }
  if (kinds.includes('Restore')) {
    const object = await readOne(api, restores, ref, signal);
    if (object !== undefined) found.push({ kind: 'Restore', object });
  }
  if (found.length > 0) return found;
  const others = (await readAll(api, namespace, signal)).filter(({ kind }) => kinds.includes(kind));
  const known = others.map(({ object }) => object.metadata.name);
  const there = known.length === 0 ? 'there is none' : `there are ${[...new Set(known)].join(', ')}`;
  throw new CliError('NotFound', `namespace ${namespace} has no ${kinds.join(' or ')} ${name}; ${there}`);
};

export const readOne = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  ref: Ref,
  signal: AbortSignal,
): Promise<T | undefined> => {
  try {
    return await api.get(resource, ref, signal);
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
};

/**
 * Those of the records that can be read: users of a namespace usually may not look into the operator's.
 *
 * @throws ApiError
 */
export const readRecords = async (
  api: Api,
  names: readonly string[],
  namespace: string,
  signal: AbortSignal,
): Promise<readonly BackupSaveRecord[]> => {
  const read = await Promise.all(
    names.map(async (name) => {
      try {
        return await api.get(backupSaveRecords, { namespace, name }, signal);
      } catch (error) {
        if (isApiError(error, 'NotFound', 'Forbidden')) return undefined;
        throw error;
      }
    }),
  );
  return read.filter((record) => record !== undefined);
};
