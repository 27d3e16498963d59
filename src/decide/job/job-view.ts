/** A backup job as a pass sees it, and what a pass may ask for. */
import type { BackupJob, HookRun } from '../../api/generated/index.ts';
import type { ClaimView } from '../claim/anchors.ts';
import type { GrantView } from '../grant/grant-life.ts';
import type { NodeFacts, PodFacts } from '../grant/pod-facts.ts';
import type { Span } from '../spans.ts';
import type { Step } from '../step.ts';
import type { EffectiveSpec } from './effective-spec.ts';
import type { HeadFacts, Patience, Silence } from './stream-fault.ts';

export type JobStatus = NonNullable<BackupJob['status']>;
export type Ending = NonNullable<JobStatus['ending']>;

export interface PlanFacts {
  readonly segments: number;
  readonly complete: boolean;
  readonly pod: PodFacts | undefined;
  /** Of the planner, whose progress is what it has met of the source. */
  readonly silence?: Silence;
}

export interface JobHead extends HeadFacts {
  readonly assigned: readonly Span[];
  /** Nothing assigned is left to write. */
  readonly idle: boolean;
}

export interface SeenJob {
  readonly uid: string;
  readonly status: JobStatus;
  readonly spec: EffectiveSpec;
  readonly deleted: boolean;
  readonly cancelAsked: boolean;
  readonly suspendAsked: boolean;
  readonly startedAtMs: number;
  readonly view: GrantView;
  readonly plan: PlanFacts | undefined;
  readonly heads: ReadonlyMap<number, JobHead>;
  /** Segments committed by stream, read uncached; undefined when this pass did not need them. */
  readonly committed: ReadonlyMap<number, readonly Span[]> | undefined;
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  /** Boot ids by node, read uncached after the pods were seen; of nodes for which it matters. */
  readonly boots: ReadonlyMap<string, string>;
  readonly silence: (stream: number) => Silence;
  readonly patience: Patience;
  readonly fenceTimeoutMs: number;
  /** FCSwitches that are NotUsable. */
  readonly downSwitches: ReadonlySet<string>;
  /** The hook was begun by this process, and its outcome is not noted yet. */
  readonly hookIsGoing: (run: HookRun) => boolean;
  /** The claim that is backed up, if it is one. */
  readonly claim?: ClaimView;
}

export interface JobDecision {
  readonly status: JobStatus;
  readonly steps: readonly Step[];
}
