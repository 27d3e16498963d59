/**
 * A claim for each grant, filled from the job's snapshot: no stream is in another one's way, and a replacement on another
 * node gets one that is reachable there. Pure.
 */
import type { Grant } from '../../api/generated/index.ts';
import { cloneName } from '../../api/names.ts';
import { bounded } from '../../api/status-text.ts';
import { holds } from '../grant/grant.ts';
import type { Fault, Step } from '../step.ts';

/** The VolumeSnapshot as it is; one that another job made is none. */
export interface SnapshotFacts {
  readonly uid: string;
  readonly deleting: boolean;
  /** When it was cut, RFC 3339. */
  readonly takenAt?: string;
  readonly ready: boolean;
  /** Of the driver's last attempt; it tries again. */
  readonly error?: string;
}

export interface CloneFacts {
  readonly name: string;
  readonly uid: string;
  readonly state: 'pending' | 'bound' | 'lost';
  readonly deleting: boolean;
  readonly ageMs: number;
  /** What its provisioner says. */
  readonly why: string;
}

export interface SnapshotView {
  /** Of the job. */
  readonly uid: string;
  readonly facts: SnapshotFacts | undefined;
  readonly clones: readonly CloneFacts[];
  /** How long the snapshot may take to be readable, and each clone to be bound. */
  readonly patienceMs: number;
}

export const cloneOf = ({ uid }: Pick<SnapshotView, 'uid'>, grant: Pick<Grant, 'number' | 'epoch'>): string =>
  cloneName(uid, grant.number, grant.epoch);

const factsOf = (view: SnapshotView, grant: Grant): CloneFacts | undefined => {
  const name = cloneOf(view, grant);
  return view.clones.find((one) => one.name === name);
};

export const isBound = (view: SnapshotView, grant: Grant): boolean => {
  const clone = factsOf(view, grant);
  return clone?.state === 'bound' && !clone.deleting;
};

const needing: readonly Grant['state'][] = ['Reserved', 'Preparing', 'Ready'];

export type CloneVerdict =
  | { readonly kind: 'make'; readonly step: Step }
  | { readonly kind: 'wait' }
  /** The grant has, or needs, none. */
  | { readonly kind: 'fine' }
  | { readonly kind: 'lost'; readonly fault: Fault };

/** What a grant needs of its clone, once the snapshot can be read. */
export const judgeClone = (view: SnapshotView, what: string, grant: Grant): CloneVerdict => {
  if (!needing.includes(grant.state) || grant.node === undefined) return { kind: 'fine' };
  const clone = factsOf(view, grant);
  if (clone === undefined) return { kind: 'make', step: { kind: 'ensureClone', grant } };
  if (clone.state === 'bound' && !clone.deleting) return { kind: 'fine' };
  const isLate = clone.ageMs > view.patienceMs;
  if (clone.state !== 'lost' && !clone.deleting && !isLate) return { kind: 'wait' };
  const happened = clone.deleting
    ? 'was deleted'
    : clone.state === 'lost'
      ? 'has lost its volume'
      : `was not bound in ${Math.round(view.patienceMs / 1000)} s`;
  const why = clone.why === '' ? '' : `: ${clone.why}`;
  const message = `clone ${clone.name} of a snapshot of ${what} for node ${grant.node} ${happened}${why}`;
  // Another server may reach what this one does not.
  const fault: Fault = { reason: 'CloneNotBound', message: bounded(message, 'detail'), domain: 'server', lostBytes: 0 };
  return { kind: 'lost', fault };
};

/**
 * Clones that nobody reads any more. A planner may read the one of a grant that is gone: as long as an anchor has it
 * mounted it stays.
 *
 * @param mounted names of claims that anchors mount
 */
export const unusedClones = (
  view: SnapshotView,
  grants: readonly Grant[],
  mounted: ReadonlySet<string>,
): readonly Step[] => {
  const held = new Set(grants.filter(holds).map((grant) => cloneOf(view, grant)));
  return view.clones
    .filter(({ name, deleting }) => !deleting && !held.has(name) && !mounted.has(name))
    .map(({ name, uid }): Step => ({ kind: 'dropClone', claim: name, uid }));
};
