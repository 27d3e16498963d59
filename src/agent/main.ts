/** The node agent as a program: constructs everything and runs it until it is told to stop. */
import { mkdirSync } from 'node:fs';
import { pino, type Logger } from 'pino';
import packageFile from '../../package.json' with { type: 'json' };
import { realClock } from '../kube/clock.ts';
import { loadKubeConfig, type KubeConfig } from '../kube/kube-config.ts';
import { noMetrics } from '../kube/metrics.ts';
import { makeRestApi } from '../kube/rest-api.ts';
import { runAgent } from './agent.ts';
import type { ApiServer } from './launch.ts';
import { readMachine } from './machine.ts';
import { parseAgentOptions, type AgentOptions } from './options.ts';
import { makeProcessContainers } from './process-containers.ts';
import { lockState } from './state-lock.ts';

/** What a process needs to reach the API server as its own account. */
const readApiServer = async (config: KubeConfig): Promise<ApiServer> => {
  const url = new URL(config.server);
  const { tls } = await config.credentials(false);
  const { ca } = tls;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? '443' : url.port,
    authority: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca.toString() : undefined,
  };
};

const run = async (options: AgentOptions, log: Logger, stop: AbortSignal): Promise<void> => {
  const { kubeconfig, state, nodeName, namespace, entrypoint, allowCommand, onStop, killGraceSeconds } = options;
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const found = readMachine();
  const machine = options.address === undefined ? found : { ...found, address: options.address };
  const unlock = lockState(state);
  try {
    const kubeConfig = await loadKubeConfig(kubeconfig === undefined ? {} : { kubeconfig });
    const api = makeRestApi({ kubeConfig, userAgent: `twinreel-agent/${packageFile.version}` });
    const containers = makeProcessContainers({ stateFolder: state, bootID: machine.bootID, clock: realClock });
    const listWatch = { api, clock: realClock, random: Math.random, log, metrics: noMetrics };
    const apiServer = await readApiServer(kubeConfig);
    await runAgent(
      { api, clock: realClock, log, listWatch, containers, machine },
      {
        nodeName,
        namespace,
        version: packageFile.version,
        launch: { apiServer, stateFolder: state, entrypoint, ownEnvironment: process.env },
        allow: { command: allowCommand },
        onStop,
        killGraceMs: killGraceSeconds * 1000,
      },
      stop,
    );
    api.close();
  } finally {
    unlock();
  }
};

const options = parseAgentOptions(process.argv.slice(2), packageFile.version);
const log = pino({ name: 'agent', level: options.logLevel });
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());

try {
  await run(options, log, stop.signal);
  // Containers that go on are looked at by timers; nothing of that may keep an agent that has ended.
  process.exit(0);
} catch (error) {
  log.fatal({ err: error }, 'the agent cannot run');
  process.exit(1);
}
