import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { nodes, type Pod } from '../../../src/agent/core-objects.ts';
import { isAlive, readProcess } from '../../../src/agent/proc.ts';
import { MediaServer, processesOf, Site, waitFor, type Agent } from './agent-harness.ts';
import { startProxy } from './tcp-proxy.ts';

let site: Site;
const servers: MediaServer[] = [];

beforeAll(async () => {
  site = await Site.make(inject('kubeconfig'));
});

afterAll(async () => {
  for (const server of servers) await server.dispose();
  await site.dispose();
});

const makeServer = (): MediaServer => {
  const server = new MediaServer(site, `${site.namespace}-server-${servers.length}`);
  servers.push(server);
  return server;
};

const sh = (script: string) => ({ command: ['/bin/sh', '-c', script] });
/** Runs until the file is there, then ends with code 3. */
const untilFile = (file: string) => sh(`echo begun; until [ -e '${file}' ]; do sleep 0.05; done; exit 3`);
const stateOf = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0]?.state;
const stopped = async (agent: Agent, signal: NodeJS.Signals): Promise<number | null> => {
  agent.signal(signal);
  return agent.exited;
};
const nothingLeft = (pod: Pod) =>
  waitFor('its processes are gone', () => (processesOf(pod).length === 0 ? true : undefined));

describe('an agent that was killed', () => {
  it('adopts what still runs and reports its true end later', async () => {
    const server = makeServer();
    const go = join(site.folder, 'go-adopted');
    const first = await server.start();
    const pod = await site.createPod(server, untilFile(go));
    const running = await site.untilPhase(pod, 'Running');
    // The shell that supervises and the container; what the container starts comes and goes.
    const before = processesOf(pod)
      .slice(0, 2)
      .map((pid) => readProcess(pid));
    await stopped(first, 'SIGKILL');
    await server.start();
    for (const seen of before) expect(seen !== undefined && isAlive(seen.pid, seen.startTime)).toBe(true);
    writeFileSync(go, '');
    const done = await site.untilPhase(pod, 'Failed');
    expect(stateOf(done)?.terminated).toMatchObject({
      exitCode: 3,
      startedAt: stateOf(running)?.running?.startedAt,
    });
    expect(server.readLog(pod)).toBe('begun\n');
  });

  it('reports the true end of what ended while it was away', async () => {
    const server = makeServer();
    const go = join(site.folder, 'go-away');
    const first = await server.start();
    const pod = await site.createPod(server, untilFile(go));
    await site.untilPhase(pod, 'Running');
    await stopped(first, 'SIGKILL');
    writeFileSync(go, '');
    await nothingLeft(pod);
    expect((await site.findPod(pod))?.status?.phase).toBe('Running');
    await server.start();
    const done = await site.untilPhase(pod, 'Failed');
    expect(stateOf(done)?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
  });

  it('kills what lost its pod while it was away', async () => {
    const server = makeServer();
    const first = await server.start();
    const pod = await site.createPod(server, sh("trap '' TERM; setsid sleep 1000 & while :; do sleep 0.05; done"));
    await site.untilPhase(pod, 'Running');
    await stopped(first, 'SIGKILL');
    await site.delete(pod, 0);
    await site.untilGone(pod);
    expect(processesOf(pod).length).toBeGreaterThan(0);
    await server.start();
    await nothingLeft(pod);
    await waitFor('its folder is gone', () =>
      existsSync(join(server.state, 'pods', pod.metadata?.uid ?? '')) ? undefined : true,
    );
  });

  it('ends what was deleted while it was away, and tells the end before it lets the object go', async () => {
    const server = makeServer();
    const first = await server.start();
    const pod = await site.createPod(server, sh('sleep 1000'), {
      metadata: {
        name: 'deleted-meanwhile',
        namespace: site.namespace,
        labels: { 'twinreel.io/worker': 'true' },
        finalizers: ['twinreel.io/fence'],
      },
    });
    await site.untilPhase(pod, 'Running');
    await stopped(first, 'SIGKILL');
    await site.delete(pod, 10);
    await server.start();
    const end = await waitFor('the end is reported', async () => stateOf(await site.findPod(pod))?.terminated);
    expect(end).toMatchObject({ exitCode: 143, signal: 15 });
    expect(processesOf(pod)).toEqual([]);
    await site.releaseFinalizers(pod);
  });

  it('says that it does not know an end of which nothing is left, and starts nothing twice', async () => {
    const server = makeServer();
    const first = await server.start();
    const pod = await site.createPod(server, sh('echo once; sleep 1000'));
    await site.untilPhase(pod, 'Running');
    await stopped(first, 'SIGKILL');
    for (const pid of processesOf(pod)) process.kill(pid, 'SIGKILL');
    await nothingLeft(pod);
    await server.start();
    const done = await site.untilPhase(pod, 'Failed');
    expect(stateOf(done)?.terminated).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
    expect(server.readLog(pod)).toBe('once\n');
  });

  it('keeps a second agent off the folder of one that lives', async () => {
    const server = makeServer();
    await server.start();
    const rival = new MediaServer(site, server.name);
    const second = await rival.start();
    expect(await second.exited).toBe(1);
    expect(rival.log()).toContain('StateInUse');
  });
});

describe('an agent that is stopped', () => {
  it('ends its pods, reports their ends and says that the node is not to be used', async () => {
    const server = makeServer();
    const agent = await server.start();
    const pod = await site.createPod(server, sh('sleep 1000'));
    const stubborn = await site.createPod(server, sh("trap '' TERM; echo ready; while :; do sleep 0.05; done"), {
      spec: { terminationGracePeriodSeconds: 1 },
    });
    await site.untilPhase(pod, 'Running');
    await waitFor('the trap stands', () => (server.readLog(stubborn).includes('ready') ? true : undefined));
    expect(await stopped(agent, 'SIGTERM')).toBe(0);
    expect(processesOf(pod)).toEqual([]);
    expect(processesOf(stubborn)).toEqual([]);
    const [gentle, killed] = [await site.findPod(pod), await site.findPod(stubborn)];
    expect(gentle?.status).toMatchObject({ phase: 'Failed', reason: 'Terminated' });
    expect(stateOf(gentle)?.terminated?.exitCode).toBe(143);
    expect(stateOf(killed)?.terminated?.exitCode).toBe(137);
    const node = await site.api.get(nodes, { name: server.name });
    expect(node.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: 'False', reason: 'AgentStopped' }),
    );
  });

  it('leaves its pods running where it is told so, for the next agent to adopt', async () => {
    const server = makeServer();
    const go = join(site.folder, 'go-left');
    const agent = await server.start({ onStop: 'leave' });
    const pod = await site.createPod(server, untilFile(go));
    await site.untilPhase(pod, 'Running');
    expect(await stopped(agent, 'SIGTERM')).toBe(0);
    expect(processesOf(pod).length).toBeGreaterThan(0);
    expect(await server.ready()).toBe('True');
    await server.start();
    writeFileSync(go, '');
    const done = await site.untilPhase(pod, 'Failed');
    expect(stateOf(done)?.terminated?.exitCode).toBe(3);
  });
});

describe('an agent that can not reach the API', () => {
  it('reports what ended meanwhile as soon as the API is back', async () => {
    const server = makeServer();
    const proxy = await startProxy(site.server);
    try {
      await server.start({ server: proxy.url });
      const go = join(site.folder, 'go-outage');
      const pod = await site.createPod(server, untilFile(go));
      await site.untilPhase(pod, 'Running');
      await proxy.close();
      writeFileSync(go, '');
      await nothingLeft(pod);
      await waitFor('a report was refused', () => (server.log().includes('was not accepted') ? true : undefined));
      expect((await site.findPod(pod))?.status?.phase).toBe('Running');
      await proxy.open();
      const done = await site.untilPhase(pod, 'Failed');
      expect(stateOf(done)?.terminated?.exitCode).toBe(3);
    } finally {
      await server.dispose();
      await proxy.close();
    }
  });

  it('kills what was removed by force during the outage when it hears of it', async () => {
    const server = makeServer();
    const proxy = await startProxy(site.server);
    try {
      await server.start({ server: proxy.url });
      const pod = await site.createPod(server, sh("trap '' TERM; while :; do sleep 0.05; done"));
      await site.untilPhase(pod, 'Running');
      await proxy.close();
      await site.delete(pod, 0);
      expect(processesOf(pod).length).toBeGreaterThan(0);
      await proxy.open();
      await nothingLeft(pod);
    } finally {
      await server.dispose();
      await proxy.close();
    }
  });
});
