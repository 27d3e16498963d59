import { describe, expect, it } from 'vitest';
import { layoutOf } from '../../../dev/local/layout.ts';
import { hardwareOf } from '../../../dev/local/objects.ts';
import { defaultOptions, type LocalOptions } from '../../../dev/local/options.ts';

const layout = layoutOf('/state');

interface Port {
  readonly wwpn: string;
  readonly switch: string;
  readonly port: number;
}

function portsOf(options: LocalOptions): readonly Port[] {
  const { servers, libraries } = hardwareOf(layout, options);
  return [
    ...servers.flatMap((one) => one.spec.ports ?? []),
    ...libraries.flatMap((one) => one.spec.drives.flatMap((drive) => drive.ports ?? [])),
  ];
}

describe('hardwareOf', () => {
  it('names servers, libraries and switches from 0', () => {
    const { switches, servers, libraries, pools } = hardwareOf(layout, defaultOptions);
    expect([...switches, ...servers, ...libraries, ...pools].map((one) => one.metadata?.name)).toEqual([
      'switch-0',
      'switch-1',
      'server-0',
      'server-1',
      'library-0',
      'library-1',
      'default',
    ]);
  });

  it('lets the namespace default read and write every path', () => {
    const [server] = hardwareOf(layout, defaultOptions).servers;
    expect(server?.spec.hostPaths).toEqual([{ prefix: '/', namespaces: ['default'], readOnly: false }]);
  });

  it('gives every server and every drive a port of its own on every switch', () => {
    const options = { ...defaultOptions, servers: 3, libraries: 2, drives: 4, switches: 2 };
    const ports = portsOf(options);
    expect(ports).toHaveLength((3 + 2 * 4) * 2);
    expect(new Set(ports.map((port) => port.wwpn)).size).toBe(ports.length);
    expect(new Set(ports.map((port) => `${port.switch} ${port.port}`)).size).toBe(ports.length);
  });

  it('tells each switch what is plugged into it', () => {
    for (const one of hardwareOf(layout, defaultOptions).switches) {
      const plugged = portsOf(defaultOptions).filter((port) => port.switch === one.metadata?.name);
      expect(one.spec.ports).toEqual(plugged.map(({ port, wwpn }) => ({ index: port, wwpn })));
    }
  });

  it('makes no port where there is no switch', () => {
    expect(portsOf({ ...defaultOptions, switches: 0 })).toEqual([]);
  });

  it('names the folder of each library', () => {
    const { libraries } = hardwareOf(layout, defaultOptions);
    expect(libraries.map((one) => one.spec.driver.virtual?.folder)).toEqual([
      '/state/libraries/library-0',
      '/state/libraries/library-1',
    ]);
  });
});
