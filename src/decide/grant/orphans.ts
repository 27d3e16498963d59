/**
 * Which holders, records and pods have outlived what they stand for. Pure.
 *
 * The rule is safe only with what was read in this order: first the resource with its holder, then the job, uncached.
 * A grant is written into its job before anything is claimed for it; so a job that was read after the holder and does
 * not name the grant will never use what is held. Read the other way round, a grant made in between looks dead.
 */
import type { Grant, Holder } from '../../api/generated/index.ts';
import { grantOfName, uid8 } from '../../api/names.ts';
import { holds } from './grant.ts';
import type { PodFacts } from './pod-facts.ts';

/** A job or restore as far as ownership goes. */
export interface OwnerSeen {
  readonly uid: string;
  readonly streams: readonly Grant[];
  readonly retired: readonly Grant[];
  /** Its phase is final. */
  readonly ended: boolean;
}

export const grantsOf = ({ streams, retired }: OwnerSeen): readonly Grant[] => [...streams, ...retired];

/** The grant of this uid and epoch holds, or may. */
export const isLive = (holder: Pick<Holder, 'uid' | 'epoch'>, owner: OwnerSeen | undefined): boolean =>
  owner?.uid === holder.uid && grantsOf(owner).some((grant) => grant.epoch === holder.epoch && holds(grant));

/** The pod acts, or acted, for this grant. */
export const actsFor = (pod: string, holder: Pick<Holder, 'uid' | 'epoch' | 'stream'>): boolean => {
  const named = grantOfName(pod);
  return named?.uid8 === uid8(holder.uid) && named.stream === holder.stream && named.epoch === holder.epoch;
};

export type HolderVerdict =
  | { readonly kind: 'live' }
  /** Pods of the grant may still write: they are ended first. */
  | { readonly kind: 'fence'; readonly pods: readonly PodFacts[] }
  /** `unsure`: nobody saw to it that tape and zones were cleared away, since the job vanished in the middle. */
  | { readonly kind: 'free'; readonly unsure: boolean };

/**
 * @param owner read after the holder; undefined: no such object, or another of the same name
 * @param pods  of the holder's job, read after the holder
 */
export const judgeHolder = (holder: Holder, owner: OwnerSeen | undefined, pods: readonly PodFacts[]): HolderVerdict => {
  if (isLive(holder, owner)) return { kind: 'live' };
  const acting = pods.filter((pod) => actsFor(pod.name, holder) && pod.state !== 'ended');
  if (acting.length > 0) return { kind: 'fence', pods: acting };
  return { kind: 'free', unsure: owner?.uid !== holder.uid };
};

/** Nobody will look after what is labelled with this job any more. */
export const isAbandoned = (uid: string, owner: OwnerSeen | undefined): boolean =>
  owner?.uid !== uid || (owner.ended && !grantsOf(owner).some(holds));

/** Names of zones that no live grant explains, of those that are ours. */
export const orphanZones = (
  zones: readonly { readonly name: string }[],
  owners: readonly OwnerSeen[],
  pods: readonly PodFacts[],
): readonly string[] =>
  zones.flatMap(({ name }) => {
    const zone = grantOfName(name);
    if (zone === undefined) return [];
    const live = owners.some(
      (owner) =>
        uid8(owner.uid) === zone.uid8 &&
        grantsOf(owner).some((grant) => grant.number === zone.stream && grant.epoch === zone.epoch && holds(grant)),
    );
    const used = pods.some((pod) => {
      const named = grantOfName(pod.name);
      const same = named?.uid8 === zone.uid8 && named.stream === zone.stream && named.epoch === zone.epoch;
      return same && pod.state !== 'ended';
    });
    return live || used ? [] : [name];
  });
