/**
 * What a decision asks the reconciler to do, in order. Every step is idempotent and bears the grant under which it acts.
 * The owner's status is written first: an intent stands in the API before the act.
 */
import type { HookRun } from '../api/generated/index.ts';
import type { TapeFacts } from '../api/worker-order.ts';
import type { Grant } from './grant/grant.ts';
import type { Span } from './spans.ts';

export type Step =
  | { readonly kind: 'zone'; readonly grant: Grant }
  | { readonly kind: 'launchLoad'; readonly grant: Grant }
  | { readonly kind: 'noteLoaded'; readonly grant: Grant; readonly facts: TapeFacts }
  | { readonly kind: 'launchUnload'; readonly grant: Grant; readonly server: string }
  | { readonly kind: 'noteUnloaded'; readonly grant: Grant; readonly slot?: number }
  /** Drive and tape out of service: they could not be unloaded. */
  | { readonly kind: 'park'; readonly grant: Grant; readonly reason: string; readonly message: string }
  /** Removes the grant's zones, reads them back as gone, then frees each holder that bears its uid and epoch. */
  | { readonly kind: 'free'; readonly grant: Grant }
  /** The fence is not proven in time: the drive is NotUsable until it is. */
  | { readonly kind: 'suspectFence'; readonly grant: Grant }
  | { readonly kind: 'deletePod'; readonly pod: string; readonly uid: string }
  | { readonly kind: 'liftFence'; readonly grant: Grant; readonly pod: string; readonly uid: string }
  | { readonly kind: 'noteFault'; readonly grant: Grant; readonly fault: Fault }
  | { readonly kind: 'launchPlan'; readonly server: string }
  | { readonly kind: 'openHead'; readonly grant: Grant; readonly assigned: readonly Span[] }
  | { readonly kind: 'launchBackup'; readonly grant: Grant }
  | { readonly kind: 'assign'; readonly grant: Grant; readonly assigned: readonly Span[] }
  | { readonly kind: 'closeHead'; readonly grant: Grant }
  | { readonly kind: 'sealHead'; readonly grant: Grant; readonly reason: string }
  /** Begun once; asked for again until it has ended. */
  | { readonly kind: 'runHook'; readonly run: HookRun }
  /** Keeps the job's claim, or a clone of it, mounted on the grant's node; its server's tolerations are the pod's. */
  | { readonly kind: 'ensureAnchor'; readonly grant: Grant; readonly clone?: string }
  | { readonly kind: 'dropAnchor'; readonly pod: string; readonly uid: string }
  /** Of the job's claim, under the name that its status has. */
  | { readonly kind: 'takeSnapshot' }
  /** A claim of the grant's own, filled from the snapshot. */
  | { readonly kind: 'ensureClone'; readonly grant: Grant }
  | { readonly kind: 'dropClone'; readonly claim: string; readonly uid: string }
  | { readonly kind: 'finishRecords' };

/** A load's reason where the robot does not find the cartridge. */
export const tapeNotFound = 'TapeNotFound';

/** An anchor could not mount the claim on the node. */
export const sourceNotReachable = 'SourceNotReachable';
export const targetNotReachable = 'TargetNotReachable';
export const nodeGone = 'NodeGone';

/** It says something of the node, whichever of its servers was used. */
export const isOfNode = ({ reason }: Pick<Fault, 'reason'>): boolean =>
  reason === nodeGone || reason === sourceNotReachable || reason === targetNotReachable;

export type Domain = 'drive' | 'tape' | 'changer' | 'route' | 'server' | 'source' | 'target' | 'worker';

export interface Fault {
  /** CamelCase, for conditions and events. */
  readonly reason: string;
  /** One sentence for a person. */
  readonly message: string;
  readonly domain: Domain;
  /** Bytes of an uncommitted segment that have to be written again. */
  readonly lostBytes: number;
}
