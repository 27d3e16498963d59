import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Components } from '../controlplane/components.ts';
import { answersOk } from '../controlplane/health.ts';
import type { Kubectl } from './install.ts';
import { type Layout, serverName } from './layout.ts';
import { countTapes } from './libraries.ts';
import type { LocalOptions } from './options.ts';
import { judgeReadiness, parseObjects, type Readiness } from './readiness.ts';
import type { LocalStatus } from './status.ts';

const readyMs = 180_000;
// After that long, what is not usable is told as it is, and the rest is ready.
const brokenMs = 30_000;
const pollMs = 250;

/** Waits for API server, controllers and scheduler. */
export async function waitUntilHealthy(components: Components, signal: AbortSignal): Promise<void> {
  const { healthUrls, caFile } = components;
  const checks = [
    { role: 'kube-apiserver', url: healthUrls['kube-apiserver'], ca: caFile },
    { role: 'kube-controller-manager', url: healthUrls['kube-controller-manager'], ca: undefined },
    { role: 'kube-scheduler', url: healthUrls['kube-scheduler'], ca: undefined },
  ] as const;
  const end = performance.now() + readyMs;
  for (const { role, url, ca } of checks) {
    while (!(await answersOk(url, ca))) {
      if (performance.now() > end) {
        const logFile = components.commands[role].logFile;
        throw new Error(`${role} is not ready; the end of ${logFile}:\n${endOf(logFile)}`);
      }
      await sleep(pollMs, undefined, { signal });
    }
  }
}

export interface ReadyWait {
  readonly layout: Layout;
  readonly options: LocalOptions;
  readonly kubectl: Kubectl;
  /** Where it answers; undefined: it is not ours to start, and what it would do is not waited for. */
  readonly operatorUrl: string | undefined;
  readonly startedAt: Date;
  readonly signal: AbortSignal;
  readonly report: (status: LocalStatus) => void;
}

/**
 * Waits until operator and agents answer and every object is usable or in use.
 * @returns what is not usable, and will not be without somebody's help
 */
export async function waitUntilReady(wait: ReadyWait): Promise<readonly string[]> {
  const { report, signal } = wait;
  const started = performance.now();
  let said = '';
  for (;;) {
    const { waitingFor, broken } = await observeReadiness(wait);
    if (waitingFor.length === 0) return [];
    const waitedMs = performance.now() - started;
    if (waitedMs > brokenMs && broken.length === waitingFor.length) return broken;
    if (waitedMs > readyMs) throw new Error(`not ready: ${waitingFor.join(', ')}; see the logs in ${wait.layout.logs}`);
    const doing = summary(waitingFor);
    if (doing !== said) report({ phase: 'starting', doing });
    said = doing;
    await sleep(pollMs, undefined, { signal });
  }
}

async function observeReadiness(wait: ReadyWait): Promise<Readiness> {
  const waitingFor: string[] = [];
  // States from before a restart are in the API still: only an operator and agents that answer now make them true.
  const { operatorUrl } = wait;
  if (operatorUrl !== undefined && !(await answersOk(`${operatorUrl}/readyz`, undefined)))
    waitingFor.push('the operator');
  const lease = ['get', 'leases', '-n', 'kube-node-lease', '-o'];
  const format = 'jsonpath={range .items[*]}{.metadata.name} {.spec.renewTime}{"\\n"}{end}';
  const renewed = new Map((await wait.kubectl([...lease, format])).stdout.split('\n').map((line) => splitOnce(line)));
  for (let number = 0; number < wait.options.servers; number++) {
    const name = serverName(number);
    const renewedAt = Date.parse(renewed.get(name) ?? '');
    if (!(renewedAt >= wait.startedAt.getTime())) waitingFor.push(`the agent of ${name}`);
  }
  return waitingFor.length > 0 || operatorUrl === undefined ? { waitingFor, broken: [] } : observeObjects(wait);
}

async function observeObjects({ kubectl, layout, options }: ReadyWait): Promise<Readiness> {
  const result = await kubectl(['get', 'backupservers,tapelibraries,fcswitches,tapes', '-o', 'json']);
  // The API server may have been killed just now; it comes back.
  if (result.code !== 0) return { waitingFor: [result.stderr.trim()], broken: [] };
  return judgeReadiness(parseObjects(result.stdout), countTapes(layout, options));
}

function summary(waitingFor: readonly string[]): string {
  const [first = ''] = waitingFor;
  return waitingFor.length === 1 ? first : `${first} and ${waitingFor.length - 1} more`;
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(' ');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}

function endOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-12).join('\n') : '';
}
