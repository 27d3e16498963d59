/** Pods and pages of a library's own tasks: inventories, and unloads for which nobody holds a grant. */
import type { SavePage, TapeLibrary } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { apiVersion, savePages } from '../api/resources.ts';
import type { LibraryOrder } from '../api/worker-order.ts';
import type { LibraryStep, SeenLibrary } from '../decide/hardware/library.ts';
import { workerPod, type WorkerPodPlan } from '../decide/grant/worker-pod.ts';
import type { DeleteOptions, OwnerReference } from '../kube/api.ts';
import type { Pod } from '../kube/core-types.ts';
import { pods } from '../kube/resources.ts';
import { createIfAbsent, deleteIfPresent } from '../kube/writes.ts';
import type { Deps } from './deps.ts';

const ownedBy = (library: TapeLibrary): OwnerReference => ({
  apiVersion,
  kind: 'TapeLibrary',
  name: library.metadata.name,
  uid: library.metadata.uid ?? '',
});

const libraryOrder = ({ metadata, spec }: TapeLibrary): LibraryOrder => ({
  name: metadata.name,
  driver: spec.driver.scsi === undefined ? 'virtual' : 'scsi',
});

const launch = async (
  deps: Deps,
  library: TapeLibrary,
  plan: Pick<WorkerPodPlan, 'order' | 'server'>,
  signal: AbortSignal,
): Promise<void> => {
  const { image, graceSeconds } = deps.settings;
  const pod = workerPod({ ...plan, library, fence: false, image, graceSeconds });
  const owned: Pod = { ...pod, metadata: { ...pod.metadata, ownerReferences: [ownedBy(library)] } };
  await createIfAbsent(deps.api, pods, owned, signal);
};

export const launchInventory = async (
  deps: Deps,
  library: TapeLibrary,
  { server, pod, page }: Extract<LibraryStep, { kind: 'launchInventory' }>,
  signal: AbortSignal,
): Promise<void> => {
  const { namespace } = deps.settings;
  const { name } = library.metadata;
  const fresh: SavePage = {
    metadata: {
      namespace,
      name: page,
      labels: { [labels.type]: 'Inventory', [labels.library]: name },
      ownerReferences: [ownedBy(library)],
    },
    spec: { type: 'Inventory', page: 0, pod, library: name },
  };
  await createIfAbsent(deps.api, savePages, fresh, signal);
  const order = {
    v: 1 as const,
    role: 'inventory' as const,
    pod,
    operatorNamespace: namespace,
    server: server.metadata.name,
    library: libraryOrder(library),
    page,
  };
  await launch(deps, library, { order, server }, signal);
};

/** The nil uid: no job is behind it. */
const nobody = '00000000-0000-0000-0000-000000000000';

export const launchUnload = async (
  deps: Deps,
  { library, tapes: known }: SeenLibrary,
  { server, pod, drive }: Extract<LibraryStep, { kind: 'launchUnload' }>,
  signal: AbortSignal,
): Promise<void> => {
  const { namespace } = deps.settings;
  const barcode = drive.loadedTape ?? '';
  const tape = known.find((one) => one.spec.barcode === barcode);
  const slot = drive.homeSlot ?? tape?.status?.slot;
  const order = {
    v: 1 as const,
    role: 'unload' as const,
    housekeeping: true,
    pod,
    operatorNamespace: namespace,
    server: server.metadata.name,
    job: { kind: 'BackupJob' as const, uid: nobody, namespace, name: library.metadata.name, processNumber: 0 },
    grant: { stream: 0, epoch: 0 },
    library: libraryOrder(library),
    drive: { name: drive.name, elementAddress: drive.elementAddress ?? 0 },
    tape: { name: tape?.metadata.name ?? barcode.toLowerCase(), barcode, ...(slot === undefined ? {} : { slot }) },
  };
  await launch(deps, library, { order, server }, signal);
};

/** The task's pod and page have said what they had to say. */
export const clearTask = async (
  deps: Deps,
  library: TapeLibrary,
  signal: AbortSignal,
  force = false,
): Promise<void> => {
  const { namespace } = deps.settings;
  const { changerHolder, inventoryPage, inventoryPod } = library.status ?? {};
  if (changerHolder === undefined) return;
  await deletePod(deps, changerHolder.pod, force ? { gracePeriodSeconds: 0 } : {}, signal);
  if (changerHolder.pod !== inventoryPod || inventoryPage === undefined) return;
  await deleteIfPresent(deps.api, savePages, { namespace, name: inventoryPage }, {}, signal);
};

export const deletePod = async ({ api, settings }: Deps, name: string, options: DeleteOptions, signal: AbortSignal) => {
  await deleteIfPresent(api, pods, { namespace: settings.namespace, name }, options, signal);
};
