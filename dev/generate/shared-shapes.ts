import { schemaAt, type Crd, type Schema } from './schema.ts';

/**
 * Shapes that stand in several schemas, since CRDs know no references, and are one type in TypeScript. Wherever a
 * schema equals the one at `path` (descriptions of the shape itself aside), the type is used.
 */
export interface SharedShape {
  readonly type: string;
  readonly kind: string;
  readonly path: readonly string[];
  /** Module in `src/api/generated` that declares it. */
  readonly module: string;
}

const shape = (type: string, kind: string, path: string, module = 'shared'): SharedShape => ({
  type,
  kind,
  path: path.split('.'),
  module,
});

export const sharedShapes: readonly SharedShape[] = [
  shape('Condition', 'BackupJob', 'status.conditions.[]'),
  shape('Holder', 'BackupServer', 'status.holders.[]'),
  shape('Grant', 'BackupJob', 'status.streams.[]'),
  shape('Refused', 'BackupJob', 'status.streams.[].refused'),
  shape('GrantZone', 'BackupJob', 'status.streams.[].zones.[]'),
  shape('Queue', 'BackupJob', 'status.queue'),
  shape('Blocker', 'BackupJob', 'status.queue.blockedBy.[]'),
  shape('Progress', 'BackupJob', 'status.progress'),
  shape('Avoid', 'BackupJob', 'status.avoid'),
  shape('LabelSelector', 'BackupJob', 'spec.streams.[].librarySelector'),
  shape('EnvVar', 'BackupServer', 'spec.pod.env.[]'),
  shape('PodResources', 'BackupServer', 'spec.pod.resources'),
  shape('Toleration', 'BackupServer', 'spec.pod.tolerations.[]'),
  shape('VolumeSource', 'Restore', 'spec.target.persistentVolumeClaim'),
  shape('Retention', 'BackupJob', 'spec.streams.[].retention'),
  shape('FcPort', 'BackupServer', 'spec.ports.[]'),
  shape('DeviceFile', 'CopyDevice', 'spec.driver.scsi.devices.[]'),
  shape('JobRef', 'BackupSaveRecord', 'spec.job'),
  shape('RestoreFailure', 'Restore', 'status.failures.[]'),
  shape('Failover', 'BackupJob', 'status.failoverHistory.[]'),
  shape('HookRun', 'BackupJob', 'status.hooks.[]'),
  shape('Area', 'BackupSaveRecord', 'status.areas.[]'),
  shape('AssignedRange', 'BackupSaveRecord', 'status.assigned.[]'),
  shape('RecordedSource', 'BackupSaveRecord', 'spec.source'),
  shape('PlanSummary', 'BackupSaveRecord', 'status.plan'),
  shape('SourceExample', 'BackupSaveRecord', 'status.examples.[]'),
  shape('RecordTotals', 'BackupSaveRecord', 'status.totals'),
  shape('Boundary', 'SavePage', 'status.boundaries.[]'),
  shape('Commit', 'SavePage', 'status.commits.{}'),
  shape('Inventory', 'SavePage', 'status.inventory'),
  shape('InventoryDrive', 'SavePage', 'status.inventory.drives.[]'),
  shape('InventorySlot', 'SavePage', 'status.inventory.slots.[]'),
  shape('LibraryDrive', 'TapeLibrary', 'spec.drives.[]'),
  shape('LibraryDriveStatus', 'TapeLibrary', 'status.drives.[]'),
  shape('RestoreArea', 'Restore', 'status.areas.[]'),
  shape('BackupJobSpec', 'BackupJob', 'spec', 'backup-job'),
];

/** Equal for schemas that give the same type, whatever their own description and default say. */
export const fingerprint = (schema: Schema): string => {
  return JSON.stringify({ ...schema, description: undefined, default: undefined });
};

export type SharedIndex = ReadonlyMap<string, SharedShape>;

export const indexShared = (crds: readonly Crd[]): SharedIndex =>
  new Map(
    sharedShapes.map((shared) => {
      const crd = crds.find(({ kind }) => kind === shared.kind);
      if (crd === undefined) throw new Error(`there is no CRD of kind ${shared.kind}`);
      return [fingerprint(schemaAt(crd.schema, shared.path)), shared];
    }),
  );
