import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCli } from './run-cli.ts';

type State = 'waiting' | 'running' | 'terminated';

const podOf = (name: string, state: State) => ({
  metadata: { name, uid: `uid of ${name}`, creationTimestamp: '2030-01-01T00:00:00Z' },
  spec: { nodeName: 'n0', containers: [] },
  status: { containerStatuses: [{ name: 'worker', state: { [state]: {} } }] },
});

const at = (second: number, text: string): string => `2030-01-01T00:00:0${String(second)}.000000000Z ${text}\n`;

interface Scene {
  readonly pods: Map<string, State>;
  job: object | undefined;
  /** Called for each request for a log. */
  onLog(name: string, query: URLSearchParams, response: ServerResponse): void;
}

const serve = async (scene: Scene): Promise<string> => {
  const answer = (response: ServerResponse, body: object, code = 200): void => {
    response.statusCode = code;
    response.end(JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server');
    const log = /\/pods\/([^/]+)\/log$/.exec(pathname);
    if (log !== null) scene.onLog(log[1] ?? '', searchParams, response);
    else if (pathname.endsWith('/pods'))
      answer(response, { items: [...scene.pods].map(([name, state]) => podOf(name, state)) });
    else if (pathname.endsWith('/backupjobs/nightly') && scene.job !== undefined) answer(response, scene.job);
    else answer(response, { kind: 'Status', message: 'not found', reason: 'NotFound' }, 404);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'tw-follow-'));
  const clusters = [{ name: 'c', cluster: { server: `http://127.0.0.1:${String(port)}` } }];
  const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }];
  const users = [{ name: 'u', user: {} }];
  writeFileSync(join(folder, 'config'), JSON.stringify({ clusters, contexts, users, 'current-context': 'c' }));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return join(folder, 'config');
};

const running = { metadata: { name: 'nightly', namespace: 'default', uid: 'u-1' }, spec: {} };
const ended = { ...running, status: { phase: 'Succeeded', completionTime: '2030-01-01T00:00:09Z' } };

const follow = async (scene: Scene, ...args: readonly string[]) =>
  runCli([
    'logs',
    'backupjob/nightly',
    '-f',
    '--operator-namespace',
    'ops',
    ...args,
    '--kubeconfig',
    await serve(scene),
  ]);

describe('logs that are followed', { timeout: 60_000 }, () => {
  it('go over from a pod that was lost to the next, and end with the job', async () => {
    const follows: (string | null)[] = [];
    const scene: Scene = {
      pods: new Map([
        ['tw-a-s0-e1', 'running'],
        ['tw-a-s0-e2', 'waiting'],
      ]),
      job: running,
      onLog: (name, query, response) => {
        follows.push(query.get('follow'));
        if (name === 'tw-a-s0-e1') {
          response.write(at(1, 'segment 0'));
          response.end(at(2, 'drive failed'));
          scene.pods.delete('tw-a-s0-e1');
          scene.pods.set('tw-a-s0-e2', 'running');
          return;
        }
        response.write(at(3, 'segment 1'));
        scene.job = ended;
        response.end(at(3, 'clear \u001b[2J'));
      },
    };
    const { code, stdout, stderr } = await follow(scene);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(new Set(follows)).toEqual(new Set(['true']));
    expect(stdout.split('\n')).toEqual([
      '[tw-a-s0-e1] segment 0',
      '[tw-a-s0-e1] drive failed',
      '[tw-a-s0-e2] segment 1',
      '[tw-a-s0-e2] clear \\u001b[2J',
      '',
    ]);
  });

  it('go on where they were when the connection breaks, without a line twice', async () => {
    const asked: string[] = [];
    const scene: Scene = {
      pods: new Map([['tw-a-s0-e1', 'running']]),
      job: running,
      onLog: (_name, query, response) => {
        asked.push(`${query.get('tailLines') ?? 'all'} since ${query.get('sinceTime') ?? 'ever'}`);
        if (asked.length === 1) {
          response.end(at(1, 'one') + at(1, 'two'));
          return;
        }
        scene.pods.set('tw-a-s0-e1', 'terminated');
        scene.job = ended;
        response.end(at(1, 'one') + at(1, 'two') + at(2, 'three'));
      },
    };
    const { code, stdout } = await follow(scene, '--tail', '5');
    expect(code).toBe(0);
    expect(stdout.replaceAll('[tw-a-s0-e1] ', '')).toBe('one\ntwo\nthree\n');
    // A look at the pods from before its end may make it read once more.
    expect(asked.slice(0, 2)).toEqual(['5 since ever', 'all since 2030-01-01T00:00:01.000000000Z']);
  });

  it('have the last lines of a pod that has gone, however late they come', async () => {
    // Longer than a pod whose end is not known is waited for.
    const lateMs = 3000;
    const scene: Scene = {
      pods: new Map([['tw-a-s0-e1', 'running']]),
      job: running,
      onLog: (_name, _query, response) => {
        response.write(at(1, 'segment 0'));
        scene.pods.delete('tw-a-s0-e1');
        scene.job = ended;
        setTimeout(() => response.end(at(2, 'done')), lateMs);
      },
    };
    const { code, stdout } = await follow(scene);
    expect(code).toBe(0);
    expect(stdout).toBe('[tw-a-s0-e1] segment 0\n[tw-a-s0-e1] done\n');
  });

  it('tell once of a node without a kubelet, go on, and exit with 1 where there was no line', async () => {
    let asked = 0;
    const scene: Scene = {
      pods: new Map([['tw-a-s0-e1', 'running']]),
      job: running,
      onLog: (_name, _query, response) => {
        asked += 1;
        if (asked === 2) scene.job = undefined;
        response.statusCode = 500;
        response.end(JSON.stringify({ kind: 'Status', message: 'dial tcp: refused' }));
      },
    };
    const { code, stdout, stderr } = await follow(scene);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^tw-a-s0-e1 \(node n0\): .*dial tcp: refused/),
    ]);
  });
});
