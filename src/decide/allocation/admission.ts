/** Who is served next, with what, and why the others wait. Pure. */
import type { Blocker, Grant } from '../../api/generated/index.ts';
import { zoneName } from '../../api/names.ts';
import { bounded } from '../../api/status-text.ts';
import { allocate } from './allocate.ts';
import type { Allocation, Allotment, Disjointness, Free, Neighbour, Shortage } from './allocate.ts';
import { blockersOf } from './blockers.ts';
import { allowsHostPath, freeFor, mountsClaim, namelessServers, avoidsNodes, onAnyNode } from './hardware.ts';
import type { Hardware, Need } from './hardware.ts';
import { unknownOf } from '../hardware/unknown-hardware.ts';

/** One job or restore with streams that wait. */
export interface Applicant {
  readonly kind: 'BackupJob' | 'Restore';
  /** namespace/name */
  readonly name: string;
  readonly uid: string;
  readonly priority: number;
  /** In whole seconds, as the API has it. */
  readonly createdAtMs: number;
  /** Given in the order in which jobs and restores are first seen; absent: not given yet. */
  readonly processNumber?: number;
  readonly waitingSinceMs: number;
  /** Streams that need a grant, by number. */
  readonly streams: readonly number[];
  /** The fewest of them that are of use: all of the first set, or `minRoutes`; one of replacements. */
  readonly atLeast: number;
  readonly disjointness: Disjointness;
  readonly neighbours: readonly Neighbour[];
  readonly need: Need;
}

export type Answer =
  | { readonly kind: 'grant'; readonly allotments: readonly Allotment[] }
  | { readonly kind: 'wait'; readonly shortage: Shortage; readonly blockedBy: readonly Blocker[] }
  /** Not even if nobody else were there and everything worked; and everything is known. */
  | { readonly kind: 'impossible'; readonly shortage: Shortage };

/** Priority, then age, then who was seen first; the uid makes the order total. */
export const inOrder = (a: Applicant, b: Applicant): number =>
  b.priority - a.priority || a.createdAtMs - b.createdAtMs || numberOf(a) - numberOf(b) || (a.uid < b.uid ? -1 : 1);

const numberOf = ({ processNumber = Number.MAX_SAFE_INTEGER }: Applicant): number => processNumber;

/** A node that is avoided has to do where nothing else works. */
export const answer = (applicant: Applicant, hardware: Hardware): Answer => {
  const { need } = applicant;
  const hasOthers = !avoidsNodes(need) || leastOf(applicant, freeFor(need, hardware, 'unheld')).ok;
  return answerFor(hasOthers ? applicant : { ...applicant, need: onAnyNode(need) }, hardware);
};

const answerFor = (applicant: Applicant, hardware: Hardware): Answer => {
  const { need } = applicant;
  const refused = refusedClaim(need);
  if (refused !== undefined) return refused;
  const found = mostOf(applicant, freeFor(need, hardware, 'now'));
  if (found.ok) return { kind: 'grant', allotments: found.allotments };
  const ever = leastOf(applicant, freeFor(need, hardware, 'ever'));
  // What was not searched to its end may yet be found, with other hardware free.
  if (!ever.ok && ever.isOpen !== true) {
    const unknown = unknownOf(need, hardware);
    if (unknown.length > 0) return awaitsSight(ever.shortage, unknown);
    return { kind: 'impossible', shortage: explained(ever.shortage, need, hardware) };
  }
  const shortage = explained(found.shortage, need, hardware);
  return { kind: 'wait', shortage, blockedBy: blockersOf(need, hardware) };
};

const refusedClaim = ({ claim }: Need): Answer | undefined => {
  if (claim === undefined || claim.kind === 'reachable') return undefined;
  const shortage: Shortage = { reason: 'SourceNotReachable', message: claim.message };
  return claim.kind === 'never' ? { kind: 'impossible', shortage } : { kind: 'wait', shortage, blockedBy: [] };
};

/** As many streams as can be had, if they are of use; otherwise what all of them lack. */
export const mostOf = (applicant: Applicant, free: Free): Allocation => {
  const all = allotTo(applicant, applicant.streams.length, free);
  const least = Math.max(1, applicant.atLeast);
  for (let count = applicant.streams.length - 1; !all.ok && count >= least; count -= 1) {
    const found = allotTo(applicant, count, free);
    if (found.ok) return found;
  }
  return all;
};

/** The fewest streams that are of use. */
export const leastOf = (applicant: Applicant, free: Free): Allocation =>
  allotTo(applicant, Math.max(1, applicant.atLeast), free);

const allotTo = (applicant: Applicant, count: number, free: Free): Allocation => {
  const streams = applicant.streams.slice(0, count);
  return allocate({ ...applicant, streams, oneMachine: isBound(applicant.need) }, free);
};

/** To one machine, or to one node. */
const isBound = ({ machine, claim }: Need): boolean =>
  machine !== undefined || (claim?.kind === 'reachable' && claim.oneNode);

const maxBlockers = 16;

const awaitsSight = ({ message }: Shortage, unknown: readonly Blocker[]): Answer => {
  const what = unknown.slice(0, 4).map((one) => one.message ?? one.kind);
  const more = unknown.length > what.length ? ' and more' : '';
  const shortage: Shortage = { reason: 'HardwareUnknown', message: `${message}; ${what.join(', ')}${more}` };
  return { kind: 'wait', shortage, blockedBy: unknown.slice(0, maxBlockers) };
};

/** What no usable hardware could change stands in the declarations: those are named. */
const explained = (shortage: Shortage, need: Need, hardware: Hardware): Shortage => {
  const { hostPath, namespace } = need;
  const ofClaim = claimShortage(shortage, need, hardware);
  if (ofClaim !== undefined) return ofClaim;
  if (hostPath === undefined || hardware.servers.some((server) => allowsHostPath(server, need)))
    return withNameless(shortage, need, hardware);
  const what = hostPath.write ? 'be written' : 'be read';
  const message = `no BackupServer allows ${hostPath.path} to ${what} for namespace ${namespace} (BackupServer.spec.hostPaths)`;
  return { reason: 'SourceNotReachable', message: bounded(message, 'detail') };
};

const claimShortage = (shortage: Shortage, need: Need, { servers }: Hardware): Shortage | undefined => {
  const { claim } = need;
  if (claim?.kind !== 'reachable') return undefined;
  const able = servers.filter((server) => mountsClaim(server, need)).map(({ metadata }) => metadata.name);
  const tell = (message: string): Shortage => ({ reason: 'SourceNotReachable', message: bounded(message, 'detail') });
  if (able.length === 0) {
    return tell(
      `${claim.what} can be mounted on ${claim.nodes.slice(0, 8).join(', ')} only, and no BackupServer is there`,
    );
  }
  if (!claim.oneNode) return undefined;
  const where = `${claim.what} binds all streams to one node`;
  if (shortage.reason === 'SourceNotReachable') return tell(`${where}, and no node has all that they need`);
  return { ...shortage, message: bounded(`${shortage.message}; ${where}`, 'detail') };
};

const withNameless = (shortage: Shortage, need: Need, hardware: Hardware): Shortage => {
  const nameless = namelessServers(need, hardware).slice(0, 8).join(', ');
  if (nameless === '') return shortage;
  const message =
    `${shortage.message}; not eligible for the folder of one machine: ${nameless}, whose Node reports no machineID ` +
    '(shared: true is for a folder that is the same on every server)';
  return { reason: shortage.reason === 'NoUsableServer' ? 'SourceNotReachable' : shortage.reason, message };
};

/** The grant that an allotment becomes; its zones are named before they are made. */
export const grantFrom = (uid: string, allotment: Allotment, waiting: Grant, epoch: number, now: string): Grant => {
  const { server, drive, tape, route } = allotment;
  const members = route === undefined ? [] : [route.initiatorWwpn, route.targetWwpn];
  return {
    number: waiting.number,
    epoch,
    role: waiting.role,
    state: 'Allocating',
    ...(waiting.lostEpoch === undefined ? {} : { lostEpoch: waiting.lostEpoch }),
    server: server.name,
    node: server.node,
    ...(server.bootId === undefined ? {} : { bootID: server.bootId }),
    library: drive.library,
    drive: drive.name,
    driveElement: drive.elementAddress,
    tape: tape.name,
    barcode: tape.barcode,
    switches: [...(route?.switches ?? [])],
    zones: (route?.switches ?? []).map((name, index) => ({
      name: zoneName(uid, waiting.number, epoch, index),
      switch: name,
      fabric: route?.fabric ?? '',
      members,
    })),
    startedAt: now,
  };
};

export const neighbourOf = (grant: Grant): Neighbour => ({
  server: grant.server ?? '',
  library: grant.library ?? '',
  fabric: grant.zones?.[0]?.fabric ?? '',
  switches: grant.switches ?? [],
});
