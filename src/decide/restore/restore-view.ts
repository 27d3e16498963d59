/** A restore as a pass sees it, and what a pass may ask for. */
import type { Grant, Restore } from '../../api/generated/index.ts';
import type { ClaimView } from '../claim/anchors.ts';
import type { GrantView } from '../grant/grant-life.ts';
import type { NodeFacts } from '../grant/pod-facts.ts';
import type { SegmentCopy } from './restore-areas.ts';
import type { OutlookOf } from './restore-tapes.ts';
import type { Span } from '../spans.ts';
import type { Step } from '../step.ts';
import type { HeadFacts, Patience, Silence } from '../job/stream-fault.ts';

export type RestoreStatus = NonNullable<Restore['status']>;
/** What came back otherwise than it was, or was left, though nothing failed. */
export type Reservations = Pick<RestoreStatus, 'damaged' | 'attributesFailed' | 'linksNotJoined' | 'kept' | 'examples'>;
export type RestoreEnding = NonNullable<RestoreStatus['ending']>;

/** What is to be read and where it lies; read from the API when the next area is chosen. */
export interface BackupContent {
  readonly wanted: readonly Span[];
  readonly copies: readonly SegmentCopy[];
}

export interface Choice extends BackupContent {
  readonly outlook: OutlookOf;
}

/** What the workers reported so far. */
export interface RestoreReport {
  readonly done: readonly Span[];
  /** Of a restore that discards: what was read and is good. */
  readonly readBack?: readonly (Span & { readonly tape: string })[];
  readonly bad: readonly {
    readonly segment: number;
    readonly tape: string;
    readonly reason: string;
    readonly message: string;
  }[];
  /** All bad ones, also those that are not told singly. */
  readonly badRanges?: readonly (Span & { readonly tape: string })[];
  readonly failureCount: number;
  readonly reservations?: Reservations;
  /** The target was finished: folders have their times, parts are joined, the working folder is gone. */
  readonly finished: boolean;
  /** Chosen paths that were met, escaped. */
  readonly found: readonly string[];
}

export interface SeenRestore {
  readonly uid: string;
  readonly status: RestoreStatus;
  /** Chosen paths, escaped; none: everything. */
  readonly paths: readonly string[];
  readonly prefer: readonly number[];
  /** Where it restores to, for messages. */
  readonly target: string;
  readonly deleted: boolean;
  readonly cancelAsked: boolean;
  readonly activeDeadlineMs: number | undefined;
  readonly startedAtMs: number;
  readonly view: GrantView;
  readonly head: HeadFacts | undefined;
  readonly report: RestoreReport;
  readonly choice: Choice | undefined;
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  /** Boot ids by node, read uncached after the pods were seen; of nodes for which it matters. */
  readonly boots: ReadonlyMap<string, string>;
  readonly silence: () => Silence;
  readonly patience: Patience;
  readonly fenceTimeoutMs: number;
  /** FCSwitches that are NotUsable. */
  readonly downSwitches: ReadonlySet<string>;
  /** It only reads back, of these streams; none: of all. */
  readonly discards?: { readonly streams: readonly number[] };
  /** The claim that is restored into, if it is one. */
  readonly claim?: ClaimView;
}

export type RestoreStep =
  | Step
  | {
      readonly kind: 'launchRestore';
      readonly grant: Grant;
      readonly segments: readonly Span[];
      /** Nothing is left after this one. */
      readonly finish: boolean;
    };

export interface RestoreDecision {
  readonly status: RestoreStatus;
  readonly steps: readonly RestoreStep[];
}
