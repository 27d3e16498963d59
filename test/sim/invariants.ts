/** What must hold after every single write, seen with the eyes of somebody who knows everything. */
import type {
  BackupJob,
  BackupServer,
  FCSwitch,
  Grant,
  Holder,
  SavePage,
  Tape,
  TapeLibrary,
} from '../../src/api/generated/index.ts';
import { grantOfName, uid8 } from '../../src/api/names.ts';
import { backupJobs, backupServers, fcSwitches, savePages, tapeLibraries, tapes } from '../../src/api/resources.ts';
import { unitsOf, type Unit } from '../../src/controllers/holders.ts';
import { holds } from '../../src/decide/grant/grant.ts';
import type { ApiServer, Change } from './api-server.ts';
import { isRunning, type Container } from './container.ts';
import type { Hardware, RealTape } from './hardware.ts';

/** An invariant is broken: the simulation ends here. */
export class Violation extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.name = 'Violation';
    this.code = code;
  }
}

export interface Truth {
  readonly api: ApiServer;
  readonly hardware: Hardware;
  readonly containers: () => Iterable<Container>;
  /** Jobs that somebody asked to end. */
  readonly cancelled: ReadonlySet<string>;
}

type HolderKey = Pick<Holder, 'uid' | 'epoch'>;

const textOf = ({ uid, epoch }: HolderKey): string => `${uid8(uid)}/e${epoch}`;
const same = (a: HolderKey | undefined, b: HolderKey): boolean => a?.uid === b.uid && a.epoch === b.epoch;

const grantsOf = (job: BackupJob | undefined): readonly Grant[] => [
  ...(job?.status?.streams ?? []),
  ...(job?.status?.retired ?? []),
];

export const finalPhases: readonly (string | undefined)[] = ['Succeeded', 'Failed', 'Cancelled'];

export class Invariants {
  readonly #truth: Truth;
  /** The highest epoch that a grant of the job has had. */
  readonly #epochs = new Map<string, number>();

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  /** Called after each write. @throws Violation */
  check({ plural, type, before, object }: Change): void {
    switch (plural) {
      case backupJobs.plural:
        return this.#job(before as BackupJob | undefined, type === 'DELETED' ? undefined : (object as BackupJob));
      case backupServers.plural:
        return this.#shared(object as BackupServer, before as BackupServer | undefined, 'server');
      case fcSwitches.plural:
        return this.#shared(object as FCSwitch, before as FCSwitch | undefined, 'switch');
      case tapes.plural:
        return this.#tape(before as Tape | undefined, object as Tape);
      case tapeLibraries.plural:
        return this.#library(before as TapeLibrary | undefined, object as TapeLibrary);
      case savePages.plural:
        return this.#page(before as SavePage | undefined, type === 'DELETED' ? undefined : (object as SavePage));
    }
  }

  /** A tape is being written: by whom it is held. */
  tapeWritten(container: Container, tape: RealTape): void {
    const { order } = container;
    if (order.role !== 'backup') return;
    const key = { uid: order.job.uid, epoch: order.grant.epoch };
    const holder = this.#truth.api.find(tapes, { name: order.tape.name })?.status?.holder;
    const library = this.#truth.api.find(tapeLibraries, { name: order.library.name });
    const drive = library?.status?.drives?.find(({ name }) => name === order.drive.name)?.holder;
    if (same(holder, key) && same(drive, key)) return;
    throw new Violation('UnheldTapeWritten', `${container.name} writes ${tape.barcode} without holding it`);
  }

  zoneMade(name: string, isLate: boolean): void {
    const zone = grantOfName(name);
    if (isLate || zone === undefined || this.#isZoneLive(zone)) return;
    throw new Violation('ZoneWithoutGrant', `${name} is made for a grant that does not live`);
  }

  #isZoneLive(zone: { readonly uid8: string; readonly stream: number; readonly epoch: number }): boolean {
    for (const job of this.#truth.api.all(backupJobs)) {
      if (uid8(job.metadata.uid ?? '') !== zone.uid8) continue;
      return grantsOf(job).some((grant) => grant.epoch === zone.epoch && grant.number === zone.stream && holds(grant));
    }
    return false;
  }

  #jobOf(uid: string): BackupJob | undefined {
    for (const job of this.#truth.api.all(backupJobs)) if (job.metadata.uid === uid) return job;
    return undefined;
  }

  #holdersOf(unit: Unit): readonly Holder[] {
    const { api } = this.#truth;
    const ref = { name: unit.name };
    switch (unit.kind) {
      case 'server':
        return api.find(backupServers, ref)?.status?.holders ?? [];
      case 'switch':
        return api.find(fcSwitches, ref)?.status?.holders ?? [];
      case 'tape':
        return [api.find(tapes, ref)?.status?.holder ?? []].flat();
      case 'drive': {
        const drive = api.find(tapeLibraries, ref)?.status?.drives?.find(({ name }) => name === unit.drive);
        return [drive?.holder ?? []].flat();
      }
    }
  }

  #shared(
    object: BackupServer | FCSwitch,
    before: BackupServer | FCSwitch | undefined,
    kind: 'server' | 'switch',
  ): void {
    const holders = object.status?.holders ?? [];
    const { name } = object.metadata;
    const limit = object.spec.maxStreams ?? Infinity;
    if (holders.length > limit) throw new Violation('TooManyHolders', `${name} has ${holders.length} of ${limit}`);
    if (new Set(holders.map(textOf)).size < holders.length) {
      throw new Violation('HeldTwice', `${name} names one grant twice`);
    }
    for (const held of before?.status?.holders ?? []) {
      if (!holders.some((holder) => same(holder, held))) this.#freed({ kind, name }, held);
    }
  }

  #tape(before: Tape | undefined, after: Tape): void {
    this.#exclusive({ kind: 'tape', name: after.metadata.name }, before?.status?.holder, after.status?.holder);
  }

  #library(before: TapeLibrary | undefined, after: TapeLibrary): void {
    const { name } = after.metadata;
    for (const drive of before?.status?.drives ?? []) {
      const next = after.status?.drives?.find((one) => one.name === drive.name);
      this.#exclusive({ kind: 'drive', name, drive: drive.name }, drive.holder, next?.holder);
    }
  }

  #exclusive(unit: Unit, before: Holder | undefined, after: Holder | undefined): void {
    if (before === undefined || same(after, before)) return;
    if (after !== undefined) {
      throw new Violation('HolderOverwritten', `${unitText(unit)}: ${textOf(before)} by ${textOf(after)}`);
    }
    this.#freed(unit, before);
  }

  /** A unit is free: whoever held it has ended, and nothing of it is left behind. */
  #freed(unit: Unit, held: Holder): void {
    const grant = grantsOf(this.#jobOf(held.uid)).find((one) => one.epoch === held.epoch);
    if (grant !== undefined && holds(grant) && grant.state !== 'Releasing') {
      throw new Violation('FreedWhileHeld', `${unitText(unit)} of ${textOf(held)}, which is ${grant.state}`);
    }
    for (const container of this.#truth.containers()) {
      const { order } = container;
      if (!isRunning(container) || (order.role !== 'backup' && order.role !== 'load')) continue;
      if (order.job.uid !== held.uid || order.grant.epoch !== held.epoch) continue;
      // One that has yet to ask who holds finds out that it came too late.
      if (!container.mayAct) continue;
      throw new Violation('FreedWhileWorking', `${unitText(unit)} of ${textOf(held)}: ${container.name} still runs`);
    }
    for (const { zones } of this.#truth.hardware.switches.values()) {
      for (const { name, late } of zones.values()) {
        const zone = grantOfName(name);
        if (late || zone?.uid8 !== uid8(held.uid) || zone.epoch !== held.epoch) continue;
        throw new Violation('FreedWhileZoned', `${unitText(unit)} of ${textOf(held)}: zone ${name} stands`);
      }
    }
  }

  #job(before: BackupJob | undefined, after: BackupJob | undefined): void {
    if (after === undefined) {
      if (before !== undefined) this.#nothingHeld(before, 'Deleted', () => false);
      return;
    }
    this.#epochsGrow(before, after);
    for (const grant of grantsOf(after)) {
      if (!mustHoldAll(grant)) continue;
      for (const unit of unitsOf(grant)) {
        const key = { uid: after.metadata.uid ?? '', epoch: grant.epoch };
        if (this.#holdersOf(unit).some((holder) => same(holder, key))) continue;
        throw new Violation(
          'GrantWithoutUnit',
          `${after.metadata.name} ${grant.state} e${grant.epoch}: not ${unitText(unit)}`,
        );
      }
    }
    this.#allOrNone(before, after);
    this.#oneFolder(after);
    this.#zonesOf(after);
    if (finalPhases.includes(after.status?.phase) && !finalPhases.includes(before?.status?.phase)) this.#ended(after);
  }

  #epochsGrow(before: BackupJob | undefined, after: BackupJob): void {
    const uid = after.metadata.uid ?? '';
    const highest = this.#epochs.get(uid) ?? 0;
    if ((after.status?.nextEpoch ?? 0) < (before?.status?.nextEpoch ?? 0)) {
      throw new Violation('EpochFell', `${after.metadata.name}: nextEpoch ${after.status?.nextEpoch ?? 0}`);
    }
    const known = new Set(grantsOf(before).map(({ epoch }) => epoch));
    for (const { epoch, state } of grantsOf(after)) {
      if (state === 'Allocating' && !known.has(epoch) && epoch <= highest) {
        throw new Violation('EpochReused', `${after.metadata.name}: epoch ${epoch}`);
      }
    }
    this.#epochs.set(uid, Math.max(highest, ...grantsOf(after).map(({ epoch }) => epoch)));
  }

  #allOrNone(before: BackupJob | undefined, after: BackupJob): void {
    const isFirst = before?.status?.allocatedAt === undefined;
    const streams = after.status?.streams ?? [];
    const reserved = streams.filter(({ state }) => state === 'Reserved').length;
    if (!isFirst || before === undefined || reserved === 0) return;
    const { routes, minRoutes = routes } = after.spec;
    if (reserved >= minRoutes && !streams.some(({ state }) => state === 'Allocating')) return;
    throw new Violation('HalfReserved', `${after.metadata.name}: ${reserved} of ${minRoutes} streams`);
  }

  /** Copies of one folder: the same path on two machines is two folders. */
  #oneFolder(job: BackupJob): void {
    if (job.spec.source.hostPath?.shared === true) return;
    const servers = grantsOf(job).flatMap((grant) => (mustHoldAll(grant) ? [grant.server ?? ''] : []));
    const machines = new Set(
      servers.map((name) => this.#truth.api.find(backupServers, { name })?.status?.machineID ?? name),
    );
    if (machines.size < 2) return;
    throw new Violation('TwoFolders', `${job.metadata.name} reads on ${[...machines].join(' and ')}`);
  }

  #zonesOf(job: BackupJob): void {
    const uid = uid8(job.metadata.uid ?? '');
    for (const { zones } of this.#truth.hardware.switches.values()) {
      for (const { name, late } of zones.values()) {
        const zone = grantOfName(name);
        if (late || zone?.uid8 !== uid || this.#isZoneLive(zone)) continue;
        throw new Violation('ZoneWithoutGrant', `${name} outlives its grant in ${job.metadata.name}`);
      }
    }
  }

  #page(before: SavePage | undefined, after: SavePage | undefined): void {
    if (before?.spec.type === 'Inventory' || after?.spec.type === 'Inventory') return;
    const commits = after?.status?.commits ?? {};
    for (const [segment, commit] of Object.entries(before?.status?.commits ?? {})) {
      if (commits[segment]?.group === commit.group && commits[segment].tape === commit.tape) continue;
      throw new Violation('CommitLost', `${before?.metadata.name ?? ''} segment ${segment}`);
    }
    for (const [segment, { barcode, group }] of Object.entries(commits)) {
      const written = this.#truth.hardware.tape(barcode).groups[group];
      if (written?.segment === Number(segment) && written.jobUid === after?.spec.job?.uid) continue;
      throw new Violation('CommitUntrue', `${after?.metadata.name ?? ''} segment ${segment} is not on ${barcode}`);
    }
  }

  #ended(job: BackupJob): void {
    const { phase, ending } = job.status ?? {};
    const fencing = new Set((job.status?.retired ?? []).filter(holds).map(({ epoch }) => epoch));
    this.#nothingHeld(job, phase ?? '', (epoch) => fencing.has(epoch));
    if (phase === 'Cancelled' && !this.#truth.cancelled.has(job.metadata.uid ?? '')) {
      throw new Violation('UntruePhase', `${job.metadata.name} is Cancelled, and nobody asked for it`);
    }
    const copies = this.copiesOf(job);
    if (phase !== 'Succeeded') return;
    const { minCopies } = job.spec;
    if (copies < minCopies || copies < (ending?.copies ?? 0)) {
      const said = `${ending?.copies ?? 0} copies said, ${minCopies} needed`;
      throw new Violation('TooFewCopies', `${job.metadata.name} Succeeded with ${copies} (${said})`);
    }
  }

  /** The least number of distinct tapes on which a segment stands, by the pages and by the tapes themselves. */
  copiesOf(job: BackupJob): number {
    const tapesOf = new Map<number, Set<string>>();
    for (const page of this.#truth.api.all(savePages)) {
      if (page.spec.type !== 'Commits' || page.spec.job?.uid !== job.metadata.uid) continue;
      for (const [segment, { barcode }] of Object.entries(page.status?.commits ?? {})) {
        const found = tapesOf.get(Number(segment)) ?? new Set();
        tapesOf.set(Number(segment), found.add(barcode));
      }
    }
    const last = Number(/(\d+)$/.exec(job.spec.source.hostPath?.path ?? '')?.[1] ?? 0);
    let least = Infinity;
    for (let segment = 0; segment <= last; segment += 1) least = Math.min(least, tapesOf.get(segment)?.size ?? 0);
    return least;
  }

  #nothingHeld(job: BackupJob, phase: string, mayHold: (epoch: number) => boolean): void {
    for (const [unit, holder] of this.holdings()) {
      if (holder.uid !== job.metadata.uid || mayHold(holder.epoch)) continue;
      // What a replaced leader claimed late is an orphan, and the collector's.
      const grant = grantsOf(job).find(({ epoch }) => epoch === holder.epoch);
      if (grant?.endedAt === undefined) continue;
      throw new Violation('HeldAtTheEnd', `${job.metadata.name} ${phase} holds ${unitText(unit)} as ${textOf(holder)}`);
    }
    for (const container of this.#truth.containers()) {
      const { order } = container;
      if (!isRunning(container) || !('job' in order) || order.job.uid !== job.metadata.uid) continue;
      if (order.role !== 'backup' || mayHold(order.grant.epoch) || !container.mayAct) continue;
      throw new Violation('WorkingAtTheEnd', `${job.metadata.name} ${phase}: ${container.name} runs`);
    }
  }

  holdings(): readonly (readonly [Unit, Holder])[] {
    const { api } = this.#truth;
    const found: (readonly [Unit, Holder])[] = [];
    const note = (unit: Unit): void => {
      for (const holder of this.#holdersOf(unit)) found.push([unit, holder]);
    };
    for (const { metadata } of api.all(backupServers)) note({ kind: 'server', name: metadata.name });
    for (const { metadata } of api.all(fcSwitches)) note({ kind: 'switch', name: metadata.name });
    for (const { metadata } of api.all(tapes)) note({ kind: 'tape', name: metadata.name });
    for (const { metadata, status } of api.all(tapeLibraries)) {
      for (const drive of status?.drives ?? []) note({ kind: 'drive', name: metadata.name, drive: drive.name });
    }
    return found;
  }
}

export const unitText = ({ kind, name, drive }: Unit): string =>
  `${kind} ${name}${drive === undefined ? '' : `/${drive}`}`;

const mustHoldAll = ({ state }: Grant): boolean => {
  switch (state) {
    case 'Reserved':
    case 'Preparing':
    case 'Ready':
    case 'Running':
    case 'Closing':
    case 'Fencing':
      return true;
    default:
      return false;
  }
};
