/** Whether a snapshot class serves a backup: told before anything is secured. Pure. */
import type { VolumeSnapshotClass } from '../../kube/core-types.ts';

const isDefault = 'snapshot.storage.kubernetes.io/is-default-class';

const nameOf = ({ metadata }: VolumeSnapshotClass): string => metadata?.name ?? '';

/**
 * @param wanted  as the job names it; undefined: the driver's default
 * @param driver  of the claim's volume; undefined while it is not bound
 * @param classes of the cluster; undefined where it serves none
 * @returns why no snapshot can be had by it
 */
export const classRefusal = (
  wanted: string | undefined,
  driver: string | undefined,
  classes: readonly VolumeSnapshotClass[] | undefined,
): string | undefined => {
  if (classes === undefined) {
    const what = 'this cluster does not serve snapshot.storage.k8s.io/v1';
    return `${what}: install the CRDs of external-snapshotter and its snapshot-controller, or leave spec.source.snapshot out`;
  }
  if (driver === undefined && wanted === undefined) return undefined;
  const found =
    wanted === undefined
      ? classes.filter((one) => one.driver === driver && one.metadata?.annotations?.[isDefault] === 'true')
      : classes.filter((one) => nameOf(one) === wanted);
  const [chosen, ...more] = found;
  if (chosen === undefined) {
    return wanted === undefined
      ? `driver ${driver ?? ''} has no default VolumeSnapshotClass: name one in spec.source.snapshot.volumeSnapshotClassName`
      : `VolumeSnapshotClass ${wanted} does not exist`;
  }
  if (more.length > 0) {
    const names = found.map(nameOf).join(', ');
    return `driver ${driver ?? ''} has several default VolumeSnapshotClasses (${names}): name one in spec.source.snapshot.volumeSnapshotClassName`;
  }
  if (driver !== undefined && chosen.driver !== driver) {
    return `VolumeSnapshotClass ${nameOf(chosen)} is of driver ${chosen.driver ?? ''}, the claim’s volume of ${driver}`;
  }
  // Each backup would leave one behind, and nobody to see it.
  return chosen.deletionPolicy === 'Retain'
    ? `VolumeSnapshotClass ${nameOf(chosen)} keeps its snapshots when they are deleted: name one with deletionPolicy Delete`
    : undefined;
};
