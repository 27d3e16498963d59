import type { BackupJob, Restore } from '../api/generated/index.ts';
import { backupJobs, restores } from '../api/resources.ts';
import { isApiError, type Resource } from '../kube/api.ts';
import { formatBytes } from '../decide/units.ts';
import { ageOf } from './amounts.ts';
import { parseClaim, tellMade, type Manifest } from './backup.ts';
import { CliError } from './cli-error.ts';
import { readList } from './observe.ts';
import type { Making, RestoreFlags } from './orders.ts';
import { printable } from './printable.ts';
import type { Session } from './session.ts';
import { formatTable } from './table.ts';

type RestoreOrder = RestoreFlags & Making & { readonly list: boolean };

/** `claim:NAME`, `claim:NAME/FOLDER`, or a folder on a server. Pure. @throws CliError */
export const parseTarget = (text: string): object => {
  if (text.startsWith('claim:')) return { persistentVolumeClaim: parseClaim(text.slice('claim:'.length)) };
  if (!text.startsWith('/'))
    throw new CliError('WrongArgument', `--to ${text}: write an absolute folder, claim:NAME or claim:NAME/FOLDER`);
  return { hostPath: { path: text } };
};

/** Only what was said; the rest is the API's defaults. Pure. @throws CliError */
export const restoreManifest = (flags: RestoreFlags, namespace: string): Manifest => {
  const { from, latest, record, paths, to, conflict, name } = flags;
  const sources = [from, latest, record].filter((source) => source !== undefined);
  if (sources.length !== 1 || to === undefined)
    throw new CliError(
      'WrongArgument',
      'say what and whereto: one of --from, --latest and --record, and --to; --list shows what can be restored',
    );
  return {
    metadata: { ...(name === undefined ? { generateName: 'restore-' } : { name }), namespace },
    spec: {
      from: {
        ...(from !== undefined && { backupJob: from }),
        ...(latest !== undefined && { latest: { schedule: latest } }),
        ...(record !== undefined && { record }),
      },
      ...(paths.length > 0 && { paths: paths.map((path) => path.replace(/^\/+/, '')) }),
      target: parseTarget(to),
      ...(conflict !== undefined && { conflict }),
    },
  };
};

const sparseRestores: Resource = restores;

/** @throws CliError, ApiError */
export const makeRestore = async (session: Session, order: RestoreOrder): Promise<number> => {
  if (order.list) return listRestorable(session);
  const object = await createRestore(session, restoreManifest(order, session.namespace));
  return tellMade(session, { kind: 'Restore', object }, order);
};

export const createRestore = async ({ api, namespace, signal }: Session, manifest: Manifest): Promise<Restore> => {
  try {
    const made = await api.create(sparseRestores, manifest, signal);
    return await api.get(restores, { namespace, name: made.metadata?.name ?? '' }, signal);
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    throw new CliError('Refused', 'there is a Restore of this name already: give another --name', { cause: error });
  }
};

const listRestorable = async ({ api, namespace, signal, screen, nowMs }: Session): Promise<number> => {
  const rows = restorable(await readList(api, backupJobs, namespace, signal)).map(({ metadata, spec, status = {} }) => [
    metadata.name,
    `${ageOf(status.completionTime, nowMs()) ?? '?'} ago`,
    status.plan?.bytes === undefined ? '-' : formatBytes(status.plan.bytes),
    spec.source.hostPath?.path ?? spec.source.persistentVolumeClaim?.claimName ?? 'a command',
    status.tapesText ?? '-',
  ]);
  screen.print(
    rows.length === 0
      ? [`no backup job of ${namespace} has succeeded`]
      : formatTable(['BACKUP', 'ENDED', 'SIZE', 'OF', 'TAPES'], rows),
  );
  return 0;
};

/** Only what succeeded, the newest first. Pure. */
export const restorable = (jobs: readonly BackupJob[]): readonly BackupJob[] =>
  printable(jobs)
    .filter(({ status }) => status?.phase === 'Succeeded')
    .toSorted((a, b) => ((a.status?.completionTime ?? '') > (b.status?.completionTime ?? '') ? -1 : 1));
