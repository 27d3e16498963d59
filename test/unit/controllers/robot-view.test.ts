import { afterEach, describe, expect, it } from 'vitest';
import type { Avoid } from '../../../src/api/generated/index.ts';
import { tapeLibraries, backupServers } from '../../../src/api/resources.ts';
import { robotView } from '../../../src/controllers/robot-view.ts';
import type { Pod } from '../../../src/kube/core-types.ts';
import { nodes, pods } from '../../../src/kube/resources.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { grant, library, node, server } from '../../support/hardware-objects.ts';

let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

const loadPod = (ageMs: number, nowMs: number, on = 'server-0'): Pod => ({
  metadata: {
    ...{ namespace, name: 'tw-1a2b3c4d-s1-e3-load', creationTimestamp: new Date(nowMs - ageMs).toISOString() },
    labels: { 'twinreel.io/worker': 'true', 'twinreel.io/role': 'load', 'twinreel.io/library': 'library-0' },
  },
  spec: { nodeName: on, containers: [] },
});

const viewWith = async (ageMs: number, ready: 'True' | 'Unknown', avoid: Avoid = {}) => {
  bench = await makeControllerBench();
  const { memory, clock, deps } = bench;
  memory.seed(nodes, node('server-0', ready));
  memory.seed(nodes, node('server-1'));
  memory.seed(tapeLibraries, library({ state: 'Usable' }));
  memory.seed(backupServers, server('server-0', { state: 'InUse' }));
  memory.seed(backupServers, server('server-1', { state: 'Usable' }));
  memory.seed(pods, loadPod(ageMs, clock.now()));
  await bench.settle();
  return robotView(deps, avoid);
};

describe('the robot of a library', () => {
  it.each([
    ['is busy while a pod may start to move it', 10_000, 'True', ['library-0']],
    ['is not kept from others by a pod that never starts', 61_000, 'True', []],
    ['is not kept from others by a pod whose node is gone', 90_000, 'Unknown', []],
  ] as const)('%s', async (_name, ageMs, ready, expected) => {
    expect([...(await viewWith(ageMs, ready)).busyLibraries]).toEqual(expected);
  });

  it('is not moved first by a server that the job avoids', async () => {
    const { actions } = await viewWith(1, 'True', { servers: ['server-0'] });
    expect(actions.unloadServers(grant())).toEqual(['server-1', 'server-0']);
  });

  it('can be moved by nobody once somebody has deleted its library, or by others where it was the server', async () => {
    const { gone } = await viewWith(1, 'True');
    expect(gone(grant())).toBeUndefined();
    expect(gone(grant({ library: 'library-9' }))).toMatchObject({ reason: 'LibraryMissing', domain: 'changer' });
    expect(gone(grant({ server: 'server-9' }))).toMatchObject({ reason: 'ServerMissing', domain: 'server' });
  });

  it("is moved by another server where the grant's own is gone", async () => {
    const { actions } = await viewWith(1, 'Unknown');
    expect(actions.unloadServers(grant())).toEqual(['server-1']);
  });
});
