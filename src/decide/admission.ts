/** Who is served next, with what, and why the others wait. Pure. */
import type { Blocker, Grant } from '../api/generated/index.ts';
import { zoneName } from '../api/names.ts';
import { allocate } from './allocate.ts';
import type { Allotment, Disjointness, Neighbour, Shortage } from './allocate.ts';
import { blockersOf, freeFor, namelessServers } from './hardware.ts';
import type { Hardware, Need } from './hardware.ts';

/** One job or restore with streams that wait. */
export interface Applicant {
  readonly key: string;
  readonly uid: string;
  readonly priority: number;
  readonly createdAtMs: number;
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
  /** Not even if nobody else were there and everything worked. */
  | { readonly kind: 'impossible'; readonly shortage: Shortage };

/** A small job may pass a large one that waits, until the large one has waited this long. */
export const passableMs = 10 * 60_000;

/** Priority, then age; the uid makes the order total. */
export const inOrder = (a: Applicant, b: Applicant): number =>
  b.priority - a.priority || a.createdAtMs - b.createdAtMs || (a.uid < b.uid ? -1 : 1);

export const answer = (applicant: Applicant, hardware: Hardware): Answer => {
  const free = freeFor(applicant.need, hardware, 'now');
  const oneMachine = applicant.need.machine !== undefined;
  let shortage: Shortage | undefined;
  for (let count = applicant.streams.length; count >= Math.max(1, applicant.atLeast); count -= 1) {
    const streams = applicant.streams.slice(0, count);
    const found = allocate({ ...applicant, streams, oneMachine }, free);
    if (found.ok) return { kind: 'grant', allotments: found.allotments };
    shortage ??= found.shortage;
  }
  const streams = applicant.streams.slice(0, Math.max(1, applicant.atLeast));
  const ever = allocate({ ...applicant, streams, oneMachine }, freeFor(applicant.need, hardware, 'ever'));
  if (!ever.ok) return { kind: 'impossible', shortage: withNameless(ever.shortage, applicant.need, hardware) };
  const reason = withNameless(
    shortage ?? { reason: 'NoDisjointRoute', message: 'no route is free' },
    applicant.need,
    hardware,
  );
  return { kind: 'wait', shortage: reason, blockedBy: blockersOf(applicant.need, hardware) };
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
