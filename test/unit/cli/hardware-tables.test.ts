import { describe, expect, it } from 'vitest';
import type { BackupServer, Tape, TapeLibrary } from '../../../src/api/generated/index.ts';
import { driveTable, serverTable, tapeTable } from '../../../src/cli/hardware-tables.ts';
import { plain } from '../../../src/cli/paint.ts';
import { serverStory } from '../../../src/cli/story-hardware.ts';

const nowMs = Date.parse('2030-01-02T00:00:00Z');
const options = { paint: plain, nowMs, wide: false };
const cells = (line: string | undefined): readonly string[] => (line ?? '').split(/ {3,}/);

const library: TapeLibrary = {
  metadata: { name: 'lib' },
  spec: {
    driver: { virtual: { folder: '/v' } },
    servers: ['s0'],
    drives: [
      { name: 'd0', elementAddress: 256, disabled: false },
      { name: 'd1', elementAddress: 257, disabled: true },
    ],
    disabled: false,
  },
};

const server: BackupServer = {
  metadata: { name: 's0', creationTimestamp: '2030-01-01T00:00:00Z' },
  spec: { node: 'n0', maxStreams: 4, hostPaths: [], disabled: false },
};

describe('the tables of hardware', () => {
  it('show a drained drive as disabled, and one that nobody has looked at yet', () => {
    const [header, first, second] = driveTable([library], options);
    expect(cells(header).slice(0, 3)).toEqual(['LIBRARY', 'DRIVE', 'STATE']);
    expect(cells(first).slice(0, 2)).toEqual(['lib', 'd0']);
    expect(second).toMatch(/^lib +d1 .*Disabled/);
    expect(first).not.toContain('Disabled');
  });

  it('show age and node of a server, and its message where it is asked for', () => {
    const silent = { ...server, status: { state: 'NotUsable', message: 'silent\nsince noon' } } as const;
    expect(cells(serverTable([server], options)[1])[0]).toBe('s0');
    expect(serverTable([server], options)[1]).toMatch(/ 24h$/);
    expect(serverTable([silent], { ...options, wide: true })[1]).toMatch(/NotUsable.*silent\\nsince noon$/);
    expect(serverTable([silent], options)[1]).not.toContain('noon');
  });

  it('show what is free on a tape only where its capacity is known', () => {
    const tape: Tape = {
      metadata: { name: 't0' },
      spec: { library: 'lib', barcode: 'T00000L9', pool: 'p', worm: false, disabled: false },
      status: { usedBytes: 2 ** 30 },
    };
    expect(cells(tapeTable([tape], options)[1]).slice(6, 8)).toEqual(['1.0 GiB', '-']);
    const known = { ...tape, status: { usedBytes: 2 ** 30, capacityBytes: 3 * 2 ** 30, slot: 4 } };
    const [, row] = tapeTable([known], options);
    expect(cells(row)[2]).toBe('slot 4');
    expect(cells(row).slice(6, 8)).toEqual(['1.0 GiB', '2.0 GiB']);
  });
});

describe('the story of a server', () => {
  it('tells node and who holds it', () => {
    const { facts } = serverStory(server);
    expect(facts.flat().join(' ')).toContain('n0');
  });
});
