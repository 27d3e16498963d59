/** Takes hardware out of use without a harm to what runs on it, and back. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackupServer, FCSwitch, Holder, TapeLibrary } from '../api/generated/index.ts';
import { backupServers, fcSwitches, tapeLibraries } from '../api/resources.ts';
import type { KubeObject, Resource } from '../kube/api.ts';
import { CliError } from './cli-error.ts';
import { holderText } from './hardware-words.ts';
import { parseKindName } from './names.ts';
import { readList } from './observe.ts';
import type { Session } from './session.ts';

interface DrainOrder {
  readonly name: string;
  readonly drained: boolean;
  readonly wait: boolean;
}

export interface HardwareSeen {
  readonly servers: readonly BackupServer[];
  readonly libraries: readonly TapeLibrary[];
  readonly switches: readonly FCSwitch[];
}

export type Drainable =
  | { readonly kind: 'server'; readonly object: BackupServer }
  | { readonly kind: 'library'; readonly object: TapeLibrary }
  | { readonly kind: 'switch'; readonly object: FCSwitch }
  | { readonly kind: 'drive'; readonly object: TapeLibrary; readonly drive: string };

/** @throws CliError, ApiError */
export const drain = async (session: Session, { name, drained, wait }: DrainOrder): Promise<number> => {
  const { screen } = session;
  const thing = findDrainable(name, await readHardware(session));
  const label = labelOf(thing);
  if (isDisabled(thing) === drained) screen.print([`${label} is ${drained ? 'out of use' : 'in use'} already`]);
  else await setDisabled(session, thing, drained);
  if (!drained) {
    screen.print([`${label} may be used again`]);
    return 0;
  }
  const holders = holdersOf(thing);
  screen.print([
    holders.length === 0
      ? `${label}: no new streams start on it, and nobody uses it`
      : `${label}: no new streams start on it; still used by ${holders.map(holderText).join(', ')}`,
  ]);
  if (wait && holders.length > 0) await waitUntilFree(session, name, label);
  return 0;
};

const readHardware = async ({ api, signal }: Session): Promise<HardwareSeen> => {
  const [servers, libraries, switches] = await Promise.all([
    readList(api, backupServers, undefined, signal),
    readList(api, tapeLibraries, undefined, signal),
    readList(api, fcSwitches, undefined, signal),
  ]);
  return { servers, libraries, switches };
};

/** What the name means: KIND/NAME, LIBRARY/DRIVE, or a NAME that only one bears. Pure. @throws CliError */
export const findDrainable = (text: string, hardware: HardwareSeen): Drainable => {
  const all: readonly Drainable[] = [
    ...hardware.servers.map((object) => ({ kind: 'server', object }) as const),
    ...hardware.libraries.map((object) => ({ kind: 'library', object }) as const),
    ...hardware.switches.map((object) => ({ kind: 'switch', object }) as const),
    ...hardware.libraries.flatMap((object) =>
      object.spec.drives.map((drive) => ({ kind: 'drive', object, drive: drive.name }) as const),
    ),
  ];
  const name = text.replace(/^drives?\//, '');
  const drive = all.filter((one) => one.kind === 'drive' && `${one.object.metadata.name}/${one.drive}` === name);
  const found = drive.length > 0 ? drive : all.filter((one) => bears(one, name));
  const [only] = found;
  if (only === undefined) {
    const names = all.map(labelOf).join(', ');
    throw new CliError(
      'NotFound',
      `there is no server, library, switch or drive ${text}; there are ${names || 'none'}`,
    );
  }
  if (found.length > 1)
    throw new CliError('WrongArgument', `${text} may mean ${found.map(labelOf).join(' or ')}: write one of these`);
  return only;
};

const bears = (thing: Drainable, text: string): boolean => {
  if (!text.includes('/')) return thing.kind !== 'drive' && thing.object.metadata.name === text;
  const named = parseKindName(text);
  if (named === undefined || thing.kind === 'drive') return false;
  const plural = { server: 'backupservers', library: 'tapelibraries', switch: 'fcswitches' } as const;
  return plural[thing.kind] === named.kind && thing.object.metadata.name === named.name;
};

const labelOf = (thing: Drainable): string =>
  thing.kind === 'drive'
    ? `${thing.object.metadata.name}/${thing.drive}`
    : `${thing.kind}/${thing.object.metadata.name}`;

const isDisabled = (thing: Drainable): boolean =>
  thing.kind === 'drive'
    ? thing.object.spec.drives.find(({ name }) => name === thing.drive)?.disabled === true
    : thing.object.spec.disabled === true;

export const holdersOf = (thing: Drainable): readonly Holder[] => {
  switch (thing.kind) {
    case 'server':
    case 'switch':
      return thing.object.status?.holders ?? [];
    case 'library':
    case 'drive':
      return (thing.object.status?.drives ?? [])
        .filter(({ name }) => thing.kind === 'library' || name === thing.drive)
        .flatMap(({ holder }) => holder ?? []);
  }
};

const setDisabled = async (session: Session, thing: Drainable, disabled: boolean): Promise<void> => {
  const { api, signal } = session;
  const merge = async <T extends KubeObject>(resource: Resource<T>, name: string): Promise<unknown> =>
    api.patch(resource, { name }, { spec: { disabled } }, { type: 'merge', fieldManager: 'kubectl-twinreel' }, signal);
  const { name } = thing.object.metadata;
  switch (thing.kind) {
    case 'server':
      await merge(backupServers, name);
      return;
    case 'library':
      await merge(tapeLibraries, name);
      return;
    case 'switch':
      await merge(fcSwitches, name);
      return;
    case 'drive': {
      const at = thing.object.spec.drives.findIndex((one) => one.name === thing.drive);
      // The list may have been changed since: the test refuses to touch another drive.
      const body = [
        { op: 'test', path: `/spec/drives/${String(at)}/name`, value: thing.drive },
        { op: 'add', path: `/spec/drives/${String(at)}/disabled`, value: disabled },
      ];
      await api.patch(tapeLibraries, { name }, body, { type: 'json', fieldManager: 'kubectl-twinreel' }, signal);
    }
  }
};

const lookMs = 1000;

const waitUntilFree = async (session: Session, name: string, label: string): Promise<void> => {
  for (;;) {
    const holders = holdersOf(findDrainable(name, await readHardware(session)));
    if (holders.length === 0) break;
    if (session.screen.isTerminal) session.screen.redraw([`still used by ${holders.map(holderText).join(', ')}`]);
    await sleep(lookMs, undefined, { signal: session.signal });
  }
  session.screen.print([`${label}: nobody uses it any more`]);
};
