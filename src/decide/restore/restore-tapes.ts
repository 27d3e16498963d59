/**
 * Can a tape be had by a restore: now, later, or only when something is mended? Asked before a restore commits itself to
 * a copy, in the words of the allocator, so that both give the same answer. Pure.
 */
import type { Restore, Tape } from '../../api/generated/index.ts';
import { allocate } from '../allocation/allocate.ts';
import type { Shortage } from '../allocation/allocate.ts';
import { avoidsNodes, freeFor, onAnyNode } from '../allocation/hardware.ts';
import type { ClaimReach } from '../claim/claims.ts';
import type { Hardware, Horizon, Need } from '../allocation/hardware.ts';
import { restoreWish } from '../allocation/wish.ts';
import { unknownOf } from '../hardware/unknown-hardware.ts';

export type Outlook =
  /** The allocator could grant it in this moment. */
  | { readonly kind: 'now' }
  /** Everything works; somebody else uses it. */
  | { readonly kind: 'later' }
  /** Only when what is broken was mended, or what nobody has looked at yet turns out to be there. */
  | { readonly kind: 'mended' }
  /** Not by waiting, nor by mending. */
  | { readonly kind: 'never'; readonly shortage: Shortage };

export type OutlookOf = (tape: string) => Outlook;

/**
 * Each tape is looked at once, however many segments it holds.
 *
 * @param claim where the target can be mounted, if it is a claim
 */
export const outlookOf = (restore: Restore, hardware: Hardware, claim?: ClaimReach): OutlookOf => {
  const known = new Map<string, Outlook>();
  const { need } = restoreWish(restore, []);
  return (tape) => {
    const wanted: Need = { ...need, tapes: { kind: 'tape', name: tape }, ...(claim === undefined ? {} : { claim }) };
    const found = known.get(tape) ?? judgeTape(tape, wanted, hardware);
    known.set(tape, found);
    return found;
  };
};

const judgeTape = (name: string, need: Need, hardware: Hardware): Outlook => {
  const found = judgeOn(name, need, hardware);
  const works = found.kind === 'now' || found.kind === 'later';
  return !works && avoidsNodes(need) ? judgeOn(name, onAnyNode(need), hardware) : found;
};

const judgeOn = (name: string, need: Need, hardware: Hardware): Outlook => {
  const tape = hardware.tapes.find(({ metadata }) => metadata.name === name);
  const never = (why: string): Outlook => ({
    ...{ kind: 'never', shortage: { reason: 'NoUsableTape', message: `${name} ${why}` } },
  });
  if ((need.avoid.tapes ?? []).includes(name)) return never('has failed this restore');
  const unseen = unknownOf(need, hardware).length > 0;
  if (tape === undefined) return unseen ? { kind: 'mended' } : never('is not known any more');
  const gone = goneReason(tape);
  if (gone !== undefined) return never(gone);
  const shortage = (asked: Need, horizon: Horizon): Shortage | undefined => {
    const found = allocate({ streams: [0], disjointness, neighbours: [] }, freeFor(asked, hardware, horizon));
    return found.ok ? undefined : found.shortage;
  };
  if (shortage(need, 'now') === undefined) return { kind: 'now' };
  // What it holds itself, of a worker that was lost, comes free as well.
  if (shortage({ ...need, owner: '' }, 'unheld') === undefined) return { kind: 'later' };
  const ever = shortage(need, 'ever');
  return ever === undefined || unseen ? { kind: 'mended' } : { kind: 'never', shortage: ever };
};

const disjointness = { server: 'Preferred', library: 'Preferred', switch: 'Preferred' } as const;

/**
 * A tape that is somewhere else, or not what it should be, does not come by itself. Of one that is Unknown the next
 * inventory tells.
 */
const goneReason = ({ status }: Tape): string | undefined => {
  switch (status?.state) {
    case 'Scratch':
    case 'Usable':
    case 'InUse':
    case 'Full':
    case 'Unknown':
    case undefined:
      return undefined;
    case 'NotUsable':
    case 'Foreign':
    case 'Exported':
      return `is ${status.state}`;
  }
};
