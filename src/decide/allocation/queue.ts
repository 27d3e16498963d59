/** Who is answered what in one pass over the queue. Pure. */
import type { Blocker } from '../../api/generated/index.ts';
import { answer, leastOf, mostOf } from './admission.ts';
import type { Answer, Applicant } from './admission.ts';
import type { Allotment, Free } from './allocate.ts';
import { driveKey, freeFor } from './hardware.ts';
import type { Hardware } from './hardware.ts';

/** A small job may pass a large one that waits, until the large one has waited this long. */
export const passableMs = 10 * 60_000;

/** Somebody who is not passed any more, and what he could use as soon as the others let go of it. */
interface Claim {
  readonly by: Applicant;
  readonly servers: ReadonlySet<string>;
  readonly drives: ReadonlySet<string>;
  readonly tapes: ReadonlySet<string>;
  /** Only those that take a limited number of streams. */
  readonly switches: ReadonlySet<string>;
}

/**
 * @param queue in order
 * @returns answers in the same order; the first grant is the last answer, since what it takes changes all that follow
 */
export const answersFor = (queue: readonly Applicant[], hardware: Hardware, nowMs: number): readonly Answer[] => {
  const answers: Answer[] = [];
  const claims: Claim[] = [];
  for (const applicant of queue) {
    const found = answerBehind(claims, applicant, hardware);
    answers.push(found);
    if (found.kind === 'grant') break;
    const isOld = nowMs - applicant.waitingSinceMs > passableMs;
    const claim = isOld && found.kind === 'wait' ? claimOf(applicant, hardware) : undefined;
    if (claim !== undefined) claims.push(claim);
  }
  return answers;
};

/** Undefined: what works now would not do even if nobody else held any of it, so that holding others back helps nobody. */
const claimOf = (by: Applicant, hardware: Hardware): Claim | undefined => {
  const unheld = freeFor(by.need, hardware, 'unheld');
  if (!leastOf(by, unheld).ok) return undefined;
  const now = freeFor(by.need, hardware, 'now');
  const kinds = ['tapes', 'drives', 'servers', 'switches'] as const;
  for (const kind of kinds) {
    const found = leastOf(by, { ...now, [kind]: unheld[kind] });
    // One kind is all that is missing: of the others, just what goes with it is kept.
    if (found.ok) return claimOn(by, { ...unitsOf(found.allotments), [kind]: unheld[kind] }, hardware);
  }
  const libraries = new Set(unheld.tapes.map(({ library }) => library));
  return claimOn(by, { ...unheld, drives: unheld.drives.filter(({ library }) => libraries.has(library)) }, hardware);
};

interface Named {
  readonly name: string;
}

interface Units {
  readonly servers: readonly Named[];
  readonly drives: readonly (Named & { readonly library: string })[];
  readonly tapes: readonly Named[];
  readonly switches: readonly Named[];
}

const unitsOf = (allotments: readonly Allotment[]): Units => ({
  servers: allotments.map((one) => one.server),
  drives: allotments.map((one) => one.drive),
  tapes: allotments.map((one) => one.tape),
  switches: allotments.flatMap((one) => (one.route?.switches ?? []).map((name) => ({ name }))),
});

const claimOn = (by: Applicant, units: Units, { switches }: Hardware): Claim => {
  const limited = new Set(switches.filter(({ spec }) => spec.maxStreams !== undefined).map((one) => one.metadata.name));
  const names = (of: readonly Named[]): ReadonlySet<string> => new Set(of.map(({ name }) => name));
  return {
    by,
    servers: names(units.servers),
    drives: new Set(units.drives.map((one) => driveKey(one.library, one.name))),
    tapes: names(units.tapes),
    switches: names(units.switches.filter(({ name }) => limited.has(name))),
  };
};

const answerBehind = (claims: readonly Claim[], applicant: Applicant, hardware: Hardware): Answer => {
  const found = answer(applicant, hardware);
  if (found.kind !== 'grant' || claims.length === 0) return found;
  const beside = mostOf(applicant, claims.reduce(without, freeFor(applicant.need, hardware, 'now')));
  if (beside.ok) return { kind: 'grant', allotments: beside.allotments };
  return heldBack(claims.filter((claim) => found.allotments.some((one) => touches(claim, one))));
};

const without = (free: Free, claim: Claim): Free => ({
  servers: free.servers
    .map((one) => (claim.servers.has(one.name) ? { ...one, room: one.room - claim.by.streams.length } : one))
    .filter(({ room }) => room > 0),
  drives: free.drives.filter((one) => !claim.drives.has(driveKey(one.library, one.name))),
  tapes: free.tapes.filter(({ name }) => !claim.tapes.has(name)),
  switches: free.switches.filter(({ name }) => !claim.switches.has(name)),
});

const touches = (claim: Claim, { server, drive, tape, route }: Allotment): boolean =>
  claim.servers.has(server.name) ||
  claim.drives.has(driveKey(drive.library, drive.name)) ||
  claim.tapes.has(tape.name) ||
  (route?.switches ?? []).some((name) => claim.switches.has(name));

const maxBlockers = 16;

const heldBack = (claims: readonly Claim[]): Answer => {
  const minutes = passableMs / 60_000;
  const names = claims.map(({ by }) => `${by.kind} ${by.name}`);
  const blockedBy = claims.slice(0, maxBlockers).map(({ by }): Blocker => ({
    kind: by.kind,
    name: by.name,
    reason: 'WaitsLonger',
    message: `${by.kind} ${by.name} comes first and has waited more than ${minutes} min for the same hardware`,
  }));
  const message =
    `held back: ${names.slice(0, 4).join(', ')}${names.length > 4 ? ' and others' : ''} come${names.length === 1 ? 's' : ''} ` +
    `first and waited more than ${minutes} min for the same hardware`;
  return { kind: 'wait', shortage: { reason: 'HeldBack', message }, blockedBy };
};
