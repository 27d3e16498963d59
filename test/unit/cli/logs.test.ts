import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCli } from './run-cli.ts';

const pod = (name: string, at: string) => ({
  metadata: { name, uid: name, creationTimestamp: `2030-01-01T00:00:0${at}Z` },
  spec: { nodeName: 'n0', containers: [] },
});

/** An API server with one job, of whose two pods one stands on a node without a kubelet. */
const serve = async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = decodeURIComponent(request.url ?? '').replaceAll('+', ' ');
    asked.push(url);
    if (url.includes('/log')) {
      const silent = url.includes('/tw-b/');
      response.statusCode = silent ? 500 : 200;
      response.end(silent ? JSON.stringify({ kind: 'Status', message: 'dial tcp: refused' }) : 'one\n\u001b[2Jtwo\n');
    } else if (url.includes('/pods')) response.end(JSON.stringify({ items: [pod('tw-b', '2'), pod('tw-a', '1')] }));
    else if (url.endsWith('/backupjobs/nightly'))
      response.end(JSON.stringify({ metadata: { name: 'nightly', uid: 'u-1' }, spec: {} }));
    else {
      response.statusCode = 404;
      response.end(JSON.stringify({ kind: 'Status', message: 'not found', reason: 'NotFound' }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'tw-logs-'));
  const kubeconfig = join(folder, 'config');
  const clusters = [{ name: 'c', cluster: { server: `http://127.0.0.1:${String(port)}` } }];
  const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }];
  const users = [{ name: 'u', user: {} }];
  writeFileSync(kubeconfig, JSON.stringify({ clusters, contexts, users, 'current-context': 'c' }));
  onTestFinished(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { asked, kubeconfig };
};

describe('logs', { timeout: 60_000 }, () => {
  it('are shown pod by pod, oldest first; a node without a kubelet is told and hides no other', async () => {
    const { asked, kubeconfig } = await serve();
    const args = ['logs', 'backupjob/nightly', '--stream', '0', '--tail', '5', '--kubeconfig', kubeconfig];
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '== tw-a\none\n\\u001b[2Jtwo\n' });
    expect(stderr).toMatch(/^tw-b \(node n0\): .*dial tcp: refused; where a node agent runs it/);
    expect(asked.join('\n')).toContain('twinreel.io/job-uid in (u-1),twinreel.io/stream=0');
    expect(asked.join('\n')).toContain('/pods/tw-a/log?tailLines=5');
  });
});
