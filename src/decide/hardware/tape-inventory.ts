/** What an inventory says about tapes: which are new, where each is, which have left. Pure. */
import type { Inventory, InventorySlot, MediaPool, Tape, TapeLibrary } from '../../api/generated/index.ts';
import { withState, type TapeStatus } from './hardware-state.ts';
import { libraryOf } from './tape-place.ts';

export type TapeChange =
  | { readonly kind: 'create'; readonly name: string; readonly spec: Tape['spec']; readonly status: TapeStatus }
  | { readonly kind: 'update'; readonly tape: Tape; readonly status: TapeStatus };

/** Where a cartridge is, and what can be known of it without loading it. */
interface Sighting {
  readonly barcode: string;
  readonly library: string;
  readonly slot?: number;
  readonly drive?: string;
  readonly facts?: InventorySlot;
}

interface Stock {
  readonly library: TapeLibrary;
  readonly inventory: Inventory;
  readonly tapes: readonly Tape[];
  readonly pools: readonly MediaPool[];
}

/** The name that a Tape made by an inventory gets. */
export const tapeName = (barcode: string): string =>
  barcode
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');

/** Tapes that somebody holds are left alone: they are on their way, and their holder notes where to. */
export const tapesAfterInventory = (stock: Stock, now: string): readonly TapeChange[] => {
  const sightings = sightingsOf(stock);
  const byBarcode = new Map(stock.tapes.map((tape) => [tape.spec.barcode, tape]));
  const changes = [...sightings.values()].flatMap((seen): TapeChange[] => {
    const tape = byBarcode.get(seen.barcode);
    if (tape === undefined) return [newTape(stock, seen, now)];
    if (tape.status?.holder !== undefined) return [];
    return [{ kind: 'update', tape, status: seenTape(tape.status ?? {}, seen, now) }];
  });
  const gone = stock.tapes.filter(
    (tape) =>
      libraryOf(tape) === stock.library.metadata.name &&
      tape.status?.holder === undefined &&
      !sightings.has(tape.spec.barcode),
  );
  return [
    ...changes,
    ...gone.map((tape): TapeChange => ({ kind: 'update', tape, status: exported(tape, stock, now) })),
  ];
};

const sightingsOf = ({ library, inventory }: Stock): ReadonlyMap<string, Sighting> => {
  const found = new Map<string, Sighting>();
  const { name } = library.metadata;
  for (const facts of inventory.slots ?? []) {
    if (facts.barcode !== undefined) {
      found.set(facts.barcode, { barcode: facts.barcode, library: name, slot: facts.address, facts });
    }
  }
  for (const { address, barcode, homeSlot } of inventory.drives ?? []) {
    const drive = library.spec.drives.find((one) => one.elementAddress === address)?.name;
    if (barcode === undefined) continue;
    found.set(barcode, {
      barcode,
      library: name,
      ...(drive === undefined ? {} : { drive }),
      ...(homeSlot === undefined ? {} : { slot: homeSlot }),
    });
  }
  return found;
};

const newTape = (stock: Stock, seen: Sighting, now: string): TapeChange => {
  const pool = poolOf(seen.barcode, stock);
  return {
    kind: 'create',
    name: tapeName(seen.barcode),
    spec: {
      library: stock.library.metadata.name,
      barcode: seen.barcode,
      pool: pool?.metadata.name ?? 'default',
      worm: pool?.spec.worm ?? false,
      disabled: false,
    },
    status: seenTape({}, seen, now),
  };
};

/** The first by name that takes the barcode in this library. */
const poolOf = (barcode: string, { library, pools }: Stock): MediaPool | undefined =>
  [...pools]
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .find(
      ({ spec }) =>
        spec.barcodePattern !== undefined &&
        matches(spec.barcodePattern, barcode) &&
        (spec.libraries === undefined || spec.libraries.length === 0 || spec.libraries.includes(library.metadata.name)),
    );

/** `*` stands for any characters, `?` for one. */
export const matches = (pattern: string, barcode: string): boolean => {
  const source = pattern.replaceAll(/[^*?]/g, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? '0'}}`);
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'u').test(barcode);
};

const seenTape = (before: TapeStatus, seen: Sighting, now: string): TapeStatus => {
  const { slot: _left, drive: _out, ...kept } = before;
  const { facts } = seen;
  const relabelled = facts?.labelId !== undefined && before.labelId !== undefined && facts.labelId !== before.labelId;
  const { freeState: _stale, ...fresh } = kept;
  const known = relabelled ? fresh : kept;
  const place = {
    library: seen.library,
    ...(seen.slot === undefined ? {} : { slot: seen.slot }),
    ...(seen.drive === undefined ? {} : { drive: seen.drive }),
  };
  const status: TapeStatus = { ...known, ...place, ...factsOf(facts) };
  // What a label check or a failed unload found is not undone by a look from outside.
  if (before.state === 'NotUsable' || before.state === 'Foreign') return status;
  const { freeState, reason, message } = freeStateOf(status, facts);
  return withState({ ...status, freeState }, { state: freeState, reason, message }, now);
};

const factsOf = (facts: InventorySlot | undefined): Partial<TapeStatus> => {
  if (facts === undefined) return {};
  const { labelId, usedBytes, capacityBytes, writeProtected } = facts;
  return {
    ...(labelId === undefined ? {} : { labelId }),
    ...(usedBytes === undefined ? {} : { usedBytes }),
    ...(capacityBytes === undefined ? {} : { capacityBytes }),
    ...(writeProtected === undefined ? {} : { writeProtected }),
  };
};

/** A label and its filemark take less, a group with its three filemarks more. */
const labelOnlyBytes = 8192;

const freeStateOf = (
  status: TapeStatus,
  facts: InventorySlot | undefined,
): { readonly freeState: 'Scratch' | 'Usable' | 'Full'; readonly reason: string; readonly message: string } => {
  const plain = { reason: '', message: '' };
  if (status.writeProtected === true) {
    return { freeState: 'Full', reason: 'WriteProtected', message: 'its write protection is set' };
  }
  const mended = status.reason === 'WriteProtected';
  if (status.freeState !== undefined && !mended) {
    const told =
      status.reason === notInLibrary ? plain : { reason: status.reason ?? '', message: status.message ?? '' };
    return { freeState: status.freeState, ...told };
  }
  if (facts?.blank === true) return { freeState: 'Scratch', ...plain };
  const labelled = status.labelId !== undefined;
  const written = (status.groups ?? 0) > 0 || (status.usedBytes ?? 0) > labelOnlyBytes;
  // What may hold data is not said to be free from its beginning.
  const freeState = written || status.usedBytes === undefined ? 'Usable' : 'Scratch';
  return { freeState, ...(labelled ? plain : notYetRead) };
};

/** A load reads its label, and where its data end: nothing is written before that, nor in front of that. */
const notYetRead = { reason: 'NotYetRead', message: 'its label is read when it is loaded first' } as const;

const notInLibrary = 'NotInLibrary';

const exported = (tape: Tape, { library }: Stock, now: string): TapeStatus => {
  const { slot: _slot, drive: _drive, ...rest } = tape.status ?? {};
  const message = `the last inventory of ${library.metadata.name} did not find it`;
  return withState(rest, { state: 'Exported' as const, reason: notInLibrary, message }, now);
};
