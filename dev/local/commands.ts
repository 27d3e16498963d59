/** How the operator and the node agents are started. */
import path from 'node:path';
import { operatorNamespace, serviceAccounts } from '../../src/api/names.ts';
import type { Subject } from '../controlplane/certificates.ts';
import type { DaemonCommand } from '../processes/daemon.ts';
import { agentFolder, type Layout, serverName } from './layout.ts';
import type { LocalOptions } from './options.ts';

const sources = path.join(import.meta.dirname, '..', '..', 'src');

/** A process that speaks to the API, and as whom. */
export interface Client {
  readonly command: DaemonCommand;
  readonly kubeconfig: string;
  readonly subject: Subject;
}

export function operatorClient(layout: Layout, metricsPort: number, env: Readonly<Record<string, string>>): Client {
  const kubeconfig = layout.operatorKubeconfig;
  return {
    kubeconfig,
    // A certificate that names the operator's service account: exactly its rights, and no token to renew.
    subject: serviceAccountSubject(serviceAccounts.operator),
    command: {
      role: 'operator',
      name: 'operator',
      command: process.execPath,
      args: [
        path.join(sources, 'operator', 'main.ts'),
        ...['--kubeconfig', kubeconfig],
        ...['--namespace', operatorNamespace],
        ...['--metrics-address', `127.0.0.1:${metricsPort}`],
        // One operator on an idle API server: a killed one need not be waited for as long as on a busy cluster.
        ...['--lease-duration', '5s', '--renew-deadline', '3s', '--retry-period', '500ms'],
      ],
      env,
      logFile: path.join(layout.logs, 'operator.log'),
    },
  };
}

export function agentClients(
  layout: Layout,
  options: LocalOptions,
  env: Readonly<Record<string, string>>,
): readonly Client[] {
  return Array.from({ length: options.servers }, (_, number) => {
    const name = serverName(number);
    const state = agentFolder(layout, number);
    const kubeconfig = path.join(state, 'kubeconfig');
    return {
      kubeconfig,
      subject: { user: `system:node:${name}`, groups: ['system:nodes'] },
      command: {
        role: 'agent',
        name,
        command: process.execPath,
        args: [
          path.join(sources, 'agent', 'main.ts'),
          ...['--kubeconfig', kubeconfig],
          ...['--node-name', name],
          ...['--state', state],
          ...['--namespace', operatorNamespace],
          ...['--address', '127.0.0.1'],
        ],
        env,
        logFile: path.join(layout.logs, `agent-${name}.log`),
      },
    };
  });
}

function serviceAccountSubject(name: string): Subject {
  return {
    user: `system:serviceaccount:${operatorNamespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`],
  };
}
