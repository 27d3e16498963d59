import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { Pod } from '../../../src/agent/core-objects.ts';
import { MediaServer, processesOf, Site, waitFor } from './agent-harness.ts';

const kills = 8;
const podsPerLife = 3;

let site: Site;
let server: MediaServer;

beforeAll(async () => {
  site = await Site.make(inject('kubeconfig'));
  server = new MediaServer(site, `${site.namespace}-server-0`);
});

afterAll(async () => {
  await server.dispose();
  await site.dispose();
});

/** Says that it has begun, waits for a moment, ends with the given code. */
const createWorker = (begun: string, exitCode: number): Promise<Pod> =>
  site.createPod(server, {
    command: ['/bin/sh', '-c', 'echo begun >> "$0"; sleep 0.$1; exit $1', begun],
    args: [String(exitCode)],
  });

it('runs every pod once and tells its true end, whenever the agent is killed', { timeout: 180_000 }, async () => {
  const made: { readonly pod: Pod; readonly begun: string; readonly exitCode: number }[] = [];
  for (let life = 0; life < kills; life += 1) {
    const agent = await server.start();
    for (let each = 0; each < podsPerLife; each += 1) {
      const exitCode = 1 + Math.floor(Math.random() * 9);
      const begun = join(site.folder, `begun-${made.length}`);
      made.push({ pod: await createWorker(begun, exitCode), begun, exitCode });
    }
    // Any moment will do: before, in and after the start of the processes.
    await sleep(Math.random() * 300);
    agent.signal('SIGKILL');
    await agent.exited;
  }
  await server.start();
  for (const { pod, begun, exitCode } of made) {
    const done = await site.untilPhase(pod, 'Failed');
    expect(done.status?.containerStatuses?.[0]?.state.terminated?.exitCode).toBe(exitCode);
    expect(readFileSync(begun, 'utf8')).toBe('begun\n');
    await waitFor('nothing is left', () => (processesOf(pod).length === 0 ? true : undefined));
  }
});
