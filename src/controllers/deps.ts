/** What reconcilers are given: reads from caches, writes to the API, time, devices; all of it can be simulated. */
import type {
  BackupJob,
  BackupSaveRecord,
  BackupSchedule,
  BackupServer,
  FCSwitch,
  MediaPool,
  Restore,
  Tape,
  TapeLibrary,
} from '../api/generated/index.ts';
import type { WorkerImage } from '../decide/grant/worker-pod.ts';
import type { Fabric } from '../devices/fabric/fabric.ts';
import type { Api } from '../kube/api.ts';
import type { Clock, Random } from '../kube/clock.ts';
import type { Node, Pod } from '../kube/core-types.ts';
import type { Recorder } from '../kube/events.ts';
import type { ExecInPod } from './hook-runner.ts';
import type { Log } from '../kube/log.ts';
import type { ReadStore } from '../kube/store.ts';

/** Caches of the operator; indexes are named where they are built, in `caches.ts`. */
export interface Caches {
  /** Index `schedule` by the uid of the schedule that made them. */
  readonly jobs: ReadStore<BackupJob>;
  readonly schedules: ReadStore<BackupSchedule>;
  readonly restores: ReadStore<Restore>;
  /** Only records with the label `twinreel.io/active=true`; index `job` by job uid. */
  readonly records: ReadStore<BackupSaveRecord>;
  readonly servers: ReadStore<BackupServer>;
  readonly libraries: ReadStore<TapeLibrary>;
  readonly tapes: ReadStore<Tape>;
  readonly switches: ReadStore<FCSwitch>;
  readonly pools: ReadStore<MediaPool>;
  /** Only worker pods in the operator's namespace; indexes `job` by job uid, `library` by library name. */
  readonly pods: ReadStore<Pod>;
  /** Pods in whatever namespace that keep a claim mounted; index `job` by job uid. */
  readonly anchors: ReadStore<Pod>;
  readonly nodes: ReadStore<Node>;
}

export interface Settings {
  /** Namespace of records, pages and worker pods. */
  readonly namespace: string;
  readonly image: WorkerImage;
  readonly heartbeatMs: number;
  /** How long a fence may stay unproven before its hardware is called NotUsable. */
  readonly fenceTimeoutMs: number;
  /** How often progress is written to a job's status, at most. */
  readonly progressMs: number;
  /** How long a worker pod may take to start. */
  readonly podStartMs: number;
  /** How long a snapshot may take to be readable, and each clone of it to be bound. */
  readonly snapshotMs: number;
  /** For loading and locating: a first LTO-9 load takes up to two hours. */
  readonly preparationMs: number;
  readonly filesMs: number;
  /** Folder of the kubelets, on every node that has one. */
  readonly kubeletRoot: string;
  /** Grace of worker pods when they are deleted. */
  readonly graceSeconds: number;
  /** Of schedules that name none. */
  readonly timeZone: string;
  /** Segments between two incremental catalogues on a tape. */
  readonly catalogueEvery: number;
}

/** What the reconcilers count; the operator's main gives it to Prometheus. */
export interface JobMetrics {
  allocationWaited(kind: 'BackupJob' | 'Restore', waitedMs: number): void;
  failedOver(reason: string): void;
  bytesRewritten(bytes: number): void;
  segmentsCommitted(count: number, bytes: number): void;
  ended(kind: 'BackupJob' | 'Restore', outcome: string): void;
  /** Copies of segments that were read back. */
  copiesVerified(good: number, bad: number): void;
  /** @param schedule empty for a job that no schedule made */
  backupSucceeded(namespace: string, schedule: string, endedAtMs: number): void;
}

export interface Deps {
  readonly api: Api;
  readonly caches: Caches;
  /** Since when the records' cache has followed the API without a break, by the clock; now while it does not. */
  readonly recordsHeardSinceMs: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: Recorder;
  readonly metrics: JobMetrics;
  readonly settings: Settings;
  readonly execInPod: ExecInPod;
  /** The driver of a switch; rejects when its endpoint or credentials are wrong. */
  readonly fabricOf: (fcSwitch: FCSwitch, signal: AbortSignal) => Promise<Fabric>;
}
