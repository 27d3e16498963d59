/** When the pods that keep a claim mounted come and go: one for each node of a grant, until no grant holds there. Pure. */
import type { BackupJob, Grant, Restore } from '../../api/generated/index.ts';
import { anchorName } from '../../api/names.ts';
import { bounded } from '../../api/status-text.ts';
import { readyOn } from './claims.ts';
import type { AnchorFacts, ClaimWish } from './claims.ts';
import { cloneOf, isBound } from './clones.ts';
import type { SnapshotView } from './clones.ts';
import { holds } from '../grant/grant.ts';
import type { GrantView } from '../grant/grant-life.ts';
import type { Step } from '../step.ts';

/** The claim of a job or restore in a pass. */
export interface ClaimView {
  /** For messages, such as `claim shop/data`. */
  readonly what: string;
  readonly anchors: readonly AnchorFacts[];
  /** How long one may take to start. */
  readonly startMs: number;
  /** A snapshot is read: each grant has a clone of its own mounted instead of the claim. */
  readonly snapshot?: SnapshotView;
}

export interface Tending {
  readonly steps: readonly Step[];
  /** Where the claim can't be mounted, and why: each node once. */
  readonly failures: readonly AnchorFailure[];
}

export interface AnchorFailure {
  readonly node: string;
  readonly message: string;
}

export interface Tended {
  readonly view: Pick<GrantView, 'ownerUid' | 'refused'>;
  readonly claim?: ClaimView;
  readonly grants: readonly Grant[];
  /** Nodes on which something else than a grant reads the claim, such as a planner. */
  readonly busyNodes: readonly string[];
  /** The owner ends: nothing is begun any more. */
  readonly ends: boolean;
}

export const claimWishOf = ({ metadata, spec }: BackupJob | Restore): ClaimWish | undefined => {
  const write = 'target' in spec;
  const named = write ? spec.target.persistentVolumeClaim : spec.source.persistentVolumeClaim;
  if (named === undefined) return undefined;
  const { claimName, path = '', volumeMode } = named;
  const awaited = 'whenUnavailable' in spec && spec.whenUnavailable === 'Wait';
  const snapshot = !write && spec.source.snapshot !== undefined ? { snapshot: true } : {};
  return {
    ...{ namespace: metadata.namespace ?? '', name: claimName, path, block: volumeMode === 'Block', write, awaited },
    ...snapshot,
  };
};

/** Does the claim, if there is one, stand mounted where the grant works? */
export const isAnchored = (uid: string, claim: ClaimView | undefined, grant: Grant): boolean =>
  claim === undefined || readyOn(claim.anchors, grant.node ?? '', uid, cloneFor(claim, grant)) !== undefined;

const cloneFor = ({ snapshot }: ClaimView, grant: Grant): string =>
  snapshot === undefined ? '' : cloneOf(snapshot, grant);

const serves = (claim: ClaimView, anchor: AnchorFacts, grant: Grant): boolean =>
  anchor.node === (grant.node ?? '') && (claim.snapshot === undefined || anchor.claim === cloneFor(claim, grant));

const needing: readonly Grant['state'][] = ['Reserved', 'Preparing', 'Ready', 'Running'];

export const tendAnchors = ({ view, claim, grants, busyNodes, ends }: Tended): Tending => {
  if (claim === undefined) return { steps: [], failures: [] };
  const isHeld = (anchor: AnchorFacts): boolean =>
    busyNodes.includes(anchor.node) || grants.some((grant) => holds(grant) && serves(claim, anchor, grant));
  const steps: Step[] = claim.anchors.filter((one) => !isHeld(one) && !one.deleting).map(drop);
  const failures: AnchorFailure[] = [];
  const fail = (node: string, message: string): void => {
    if (!failures.some((one) => one.node === node)) failures.push({ node, message });
  };
  if (ends) return { steps, failures };
  const wanted = grants.filter(
    (grant) =>
      needing.includes(grant.state) &&
      grant.server !== undefined &&
      grant.node !== undefined &&
      (claim.snapshot === undefined || isBound(claim.snapshot, grant)),
  );
  for (const grant of wanted) {
    const anchor = claim.anchors.find((one) => serves(claim, one, grant));
    if (anchor === undefined) {
      const step = ensure(claim, grant);
      const fault = view.refused?.(grant, anchorName(view.ownerUid, grant.node ?? '', step.clone));
      if (fault !== undefined) fail(grant.node ?? '', fault.message);
      if (!steps.some((one) => isSame(one, step))) steps.push(step);
      continue;
    }
    if (anchor.deleting || anchor.state === 'ready') continue;
    const works = grants.some((one) => one.state === 'Running' && serves(claim, anchor, one));
    const failure = failureOf(claim, anchor);
    // What works has the claim mounted for itself; only what starts next needs another anchor.
    if (works && anchor.state === 'ended') steps.push(drop(anchor));
    else if (failure !== undefined) fail(anchor.node, failure);
  }
  return { steps, failures };
};

type Ensure = Extract<Step, { readonly kind: 'ensureAnchor' }>;

const ensure = (claim: ClaimView, grant: Grant): Ensure => {
  const clone = cloneFor(claim, grant);
  return { kind: 'ensureAnchor', grant, ...(clone === '' ? {} : { clone }) };
};

const isSame = (step: Step, { grant, clone }: Ensure): boolean =>
  step.kind === 'ensureAnchor' && step.grant.node === grant.node && step.clone === clone;

/** Does the grant need an anchor that is not there yet? */
export const awaitsAnchor = ({ state }: Pick<Grant, 'state'>): boolean =>
  needing.includes(state) && state !== 'Running';

const drop = ({ name, uid }: AnchorFacts): Step => ({ kind: 'dropAnchor', pod: name, uid });

const failureOf = ({ what, startMs }: ClaimView, anchor: AnchorFacts): string | undefined => {
  const { name, node, state, ageMs, why } = anchor;
  if (state === 'starting' && ageMs <= startMs) return undefined;
  const happened = state === 'ended' ? 'ended' : `did not start in ${Math.round(startMs / 1000)} s`;
  const reason = why === '' ? 'no reason given' : why;
  return bounded(`${what} could not be mounted on node ${node}: pod ${name} ${happened}: ${reason}`, 'verdict');
};
