/** The API objects of a local installation: pure functions of its options. */
import { apiVersion } from '../../src/api/resources.ts';
import type { BackupServer, FCSwitch, MediaPool, TapeLibrary } from '../../src/api/generated/index.ts';
import { catalogueFolder, type Layout, libraryFolder, libraryName, serverName, switchName } from './layout.ts';
import type { LocalOptions } from './options.ts';

export interface Hardware {
  readonly switches: readonly FCSwitch[];
  readonly servers: readonly BackupServer[];
  readonly libraries: readonly TapeLibrary[];
  readonly pools: readonly MediaPool[];
}

/** As the virtual libraries number their drives. */
const firstDriveAddress = 256;

interface Port {
  readonly wwpn: string;
  readonly switch: string;
  readonly port: number;
}

/** Every server and every drive has one port on every switch; every switch is a fabric of its own. */
export function hardwareOf(layout: Layout, options: LocalOptions): Hardware {
  return {
    switches: range(options.switches).map((number) => fcSwitch(options, number)),
    servers: range(options.servers).map((number) => backupServer(layout, options, number)),
    libraries: range(options.libraries).map((number) => tapeLibrary(layout, options, number)),
    pools: [mediaPool()],
  };
}

function backupServer(layout: Layout, options: LocalOptions, number: number): BackupServer {
  return {
    apiVersion,
    kind: 'BackupServer',
    metadata: { name: serverName(number) },
    spec: {
      node: serverName(number),
      ports: serverPorts(options, number),
      // As many as there are drives: several jobs at once, and room for a replacement beside a stream that is fenced.
      maxStreams: Math.min(64, Math.max(2, options.libraries * options.drives)),
      catalogueFolder: { hostPath: { path: catalogueFolder(layout, number) } },
      hostPaths: [{ prefix: '/', namespaces: ['default'], readOnly: false }],
    },
  };
}

function tapeLibrary(layout: Layout, options: LocalOptions, number: number): TapeLibrary {
  return {
    apiVersion,
    kind: 'TapeLibrary',
    metadata: { name: libraryName(number) },
    spec: {
      driver: { virtual: { folder: libraryFolder(layout, number) } },
      servers: range(options.servers).map(serverName),
      drives: range(options.drives).map((drive) => ({
        name: `drive-${drive}`,
        elementAddress: firstDriveAddress + drive,
        ports: drivePorts(options, number, drive),
        disabled: false,
      })),
      disabled: false,
    },
  };
}

function fcSwitch(options: LocalOptions, number: number): FCSwitch {
  const attached = [
    ...range(options.servers).flatMap((server) => serverPorts(options, server)),
    ...range(options.libraries).flatMap((library) =>
      range(options.drives).flatMap((drive) => drivePorts(options, library, drive)),
    ),
  ].filter((port) => port.switch === switchName(number));
  return {
    apiVersion,
    kind: 'FCSwitch',
    metadata: { name: switchName(number) },
    spec: {
      driver: 'simulated',
      fabric: `fabric-${number}`,
      ports: attached.map(({ port, wwpn }) => ({ index: port, wwpn })),
      disabled: false,
    },
  };
}

function mediaPool(): MediaPool {
  return {
    apiVersion,
    kind: 'MediaPool',
    metadata: { name: 'default' },
    spec: { barcodePattern: '*', allowedNamespaces: ['default'], worm: false },
  };
}

function serverPorts(options: LocalOptions, server: number): Port[] {
  return range(options.switches).map((number) => ({
    // NAA 1, as host bus adapters have it.
    wwpn: wwpn(0x10, [server, number]),
    switch: switchName(number),
    port: server,
  }));
}

function drivePorts(options: LocalOptions, library: number, drive: number): Port[] {
  return range(options.switches).map((number) => ({
    // NAA 5, as drives have it.
    wwpn: wwpn(0x50, [library, drive, number]),
    switch: switchName(number),
    port: options.servers + library * options.drives + drive,
  }));
}

function wwpn(first: number, last: readonly number[]): string {
  const bytes = [first, ...Array.from({ length: 7 - last.length }, () => 0), ...last];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}
