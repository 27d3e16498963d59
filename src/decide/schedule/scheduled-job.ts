/** The jobs of a schedule: their names, which tell the start that they are for, and what they look like. Pure. */
import type { BackupJob, BackupSchedule } from '../../api/generated/index.ts';
import { annotations, labels } from '../../api/names.ts';
import { apiVersion } from '../../api/resources.ts';
import { stableHash } from '../stable-hash.ts';
import { parseDurationMs } from '../units.ts';

/** What a job is made for: a planned time, without jitter, or a new token of runNow. */
export type Start =
  { readonly kind: 'planned'; readonly atMs: number } | { readonly kind: 'now'; readonly token: string };

const minuteMs = 60_000;
/** With `-now-` before them, and a schedule's name of 41 characters, a job's name has 52. */
const tokenDigits = 6;

/** As CronJob names its jobs: so a start can be made only once, whatever happens between the job and the status. */
export const jobNameOf = ({ metadata }: BackupSchedule, start: Start): string => {
  if (start.kind === 'planned') return `${metadata.name}-${Math.floor(start.atMs / minuteMs)}`;
  const digits = stableHash(`${metadata.uid ?? ''} ${start.token}`) % 36 ** tokenDigits;
  return `${metadata.name}-now-${digits.toString(36).padStart(tokenDigits, '0')}`;
};

/** The planned time that a job of the schedule was made for, in ms; undefined for one of runNow. */
export const plannedMsOf = ({ metadata }: BackupSchedule, job: BackupJob): number | undefined => {
  const rest = job.metadata.name.slice(metadata.name.length);
  const minutes = /^-(\d+)$/.exec(rest)?.[1];
  return minutes === undefined ? undefined : Number(minutes) * minuteMs;
};

/** By how much each start is put off, in whole seconds: the same for all starts of a schedule, so that they keep their distance. */
export const jitterMsOf = ({ metadata, spec }: BackupSchedule): number => {
  const mostMs = parseDurationMs(spec.jitter ?? '0s');
  const share = stableHash(metadata.uid ?? metadata.name) / 2 ** 32;
  return Math.floor((share * mostMs) / 1000) * 1000;
};

/** Those by which Argo CD, Flux and Helm know what is theirs: on a job, they would prune it. */
const tracking = [
  'app.kubernetes.io/instance',
  'argocd.argoproj.io/instance',
  'argocd.argoproj.io/tracking-id',
  'kustomize.toolkit.fluxcd.io/name',
  'kustomize.toolkit.fluxcd.io/namespace',
  'helm.toolkit.fluxcd.io/name',
  'helm.toolkit.fluxcd.io/namespace',
  'meta.helm.sh/release-name',
  'meta.helm.sh/release-namespace',
];

type Texts = Readonly<Record<string, string>>;

/** Without what marks the schedule itself as somebody's, should the same have been put into the template. */
const untracked = (texts: Texts | undefined, own: Texts | undefined): Texts =>
  Object.fromEntries(
    Object.entries(texts ?? {}).filter(([name, value]) => !(tracking.includes(name) && own?.[name] === value)),
  );

export const jobOf = (schedule: BackupSchedule, start: Start): BackupJob => {
  const { metadata, spec } = schedule;
  const { metadata: template, spec: jobSpec } = spec.jobTemplate;
  const why =
    start.kind === 'planned'
      ? { [annotations.plannedStart]: new Date(start.atMs + jitterMsOf(schedule)).toISOString() }
      : { [annotations.runNow]: start.token };
  return {
    apiVersion,
    kind: 'BackupJob',
    metadata: {
      name: jobNameOf(schedule, start),
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: { ...untracked(template?.labels, metadata.labels), [labels.schedule]: metadata.name },
      annotations: { ...untracked(template?.annotations, metadata.annotations), ...why },
      ownerReferences: [
        {
          apiVersion,
          kind: 'BackupSchedule',
          name: metadata.name,
          uid: metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: jobSpec,
  };
};

export const isJobOf = (schedule: BackupSchedule, job: BackupJob): boolean =>
  (job.metadata.ownerReferences ?? []).some(
    ({ controller, uid }) => controller === true && uid === schedule.metadata.uid,
  );
