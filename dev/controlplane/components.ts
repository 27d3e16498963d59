/** The four processes of a control plane: their files, ports and flags. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DaemonCommand } from '../processes/daemon.ts';
import type { Binaries } from './binaries.ts';
import {
  type CertificateAuthority,
  openCertificateAuthority,
  openServiceAccountKeys,
  type Subject,
} from './certificates.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { findFreePorts, isFree } from './ports.ts';

export interface Ports {
  readonly etcdClient: number;
  readonly etcdPeer: number;
  readonly apiServer: number;
  readonly controllerManager: number;
  readonly scheduler: number;
}

export interface ComponentsOptions {
  readonly stateDir: string;
  readonly binaries: Binaries;
  /** etcd without fsync: twice as fast, and nothing is lost unless the machine itself goes down. */
  readonly unsafeNoFsync?: boolean;
  /** Environment of all processes. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where clients reach the API server; default 127.0.0.1. */
  readonly address?: string;
  /** Added after the flags of a role: of a flag given twice, the last one counts. */
  readonly flags?: Readonly<Partial<Record<ComponentRole, readonly string[]>>>;
}

export const componentRoles = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
export type ComponentRole = (typeof componentRoles)[number];

export interface Components {
  readonly url: string;
  readonly caFile: string;
  readonly adminKubeconfig: string;
  readonly commands: Readonly<Record<ComponentRole, DaemonCommand>>;
  /** Where each answers over TLS when it is healthy. */
  readonly healthUrls: Readonly<Record<Exclude<ComponentRole, 'etcd'>, string>>;
  /** Writes a kubeconfig for whomever. */
  writeKubeconfig(file: string, subject: Subject, namespace?: string): Promise<void>;
}

/**
 * Picks ports that are free, signs the certificates and says how to start each process. On a folder used before, the
 * authorities, the data and (where still free) the ports are the same again.
 */
export async function prepareComponents(options: ComponentsOptions, reusePorts: boolean): Promise<Components> {
  const ports = await choosePorts(path.join(options.stateDir, 'ports.json'), reusePorts);
  const url = `https://${options.address ?? '127.0.0.1'}:${ports.apiServer}`;
  const pki = path.join(options.stateDir, 'pki');
  const cluster = await openCertificateAuthority(pki, 'ca');
  const writeFor = async (file: string, subject: Subject, namespace?: string): Promise<void> => {
    const client = await cluster.issue(`client-${subject.user.replaceAll(/[^\w.-]/g, '-')}`, subject);
    const scope = namespace === undefined ? {} : { namespace };
    writeKubeconfig({ file, url, caFile: cluster.certFile, client, user: subject.user, ...scope });
  };
  const adminKubeconfig = path.join(options.stateDir, 'kubeconfig');
  await writeFor(adminKubeconfig, { user: 'twinreel-admin', groups: ['system:masters'] });
  const commands = {
    etcd: await etcdCommand(options, ports, pki),
    'kube-apiserver': await apiServerCommand(options, ports, pki, cluster),
    'kube-controller-manager': await controllerManagerCommand(options, ports, pki, cluster, writeFor),
    'kube-scheduler': await schedulerCommand(options, ports, writeFor),
  };
  return {
    url,
    caFile: cluster.certFile,
    adminKubeconfig,
    commands,
    healthUrls: {
      'kube-apiserver': `${url}/readyz`,
      'kube-controller-manager': `https://127.0.0.1:${ports.controllerManager}/healthz`,
      'kube-scheduler': `https://127.0.0.1:${ports.scheduler}/healthz`,
    },
    writeKubeconfig: writeFor,
  };
}

type WriteKubeconfig = (file: string, subject: Subject) => Promise<void>;

async function etcdCommand(options: ComponentsOptions, ports: Ports, pki: string): Promise<DaemonCommand> {
  // An authority of its own: whoever holds a certificate of the cluster must not read the store past the API server.
  const authority = await openCertificateAuthority(pki, 'etcd-ca');
  const server = await authority.issue('etcd', { user: 'etcd' });
  const client = `https://127.0.0.1:${ports.etcdClient}`;
  const peer = `https://127.0.0.1:${ports.etcdPeer}`;
  return command(options, 'etcd', [
    '--name=local',
    `--data-dir=${path.join(options.stateDir, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=local=${peer}`,
    '--client-cert-auth',
    `--trusted-ca-file=${authority.certFile}`,
    `--cert-file=${server.certFile}`,
    `--key-file=${server.keyFile}`,
    '--peer-client-cert-auth',
    `--peer-trusted-ca-file=${authority.certFile}`,
    `--peer-cert-file=${server.certFile}`,
    `--peer-key-file=${server.keyFile}`,
    '--log-level=warn',
    ...(options.unsafeNoFsync === true ? ['--unsafe-no-fsync'] : []),
  ]);
}

async function apiServerCommand(
  options: ComponentsOptions,
  ports: Ports,
  pki: string,
  cluster: CertificateAuthority,
): Promise<DaemonCommand> {
  const addresses = options.address === undefined ? [] : [options.address, '10.96.0.1'];
  const serving = await cluster.issue('kube-apiserver', { user: 'kube-apiserver', addresses });
  const etcdAuthority = await openCertificateAuthority(pki, 'etcd-ca');
  const etcdClient = await etcdAuthority.issue('etcd-client', { user: 'kube-apiserver' });
  const frontProxy = await openCertificateAuthority(pki, 'front-proxy-ca');
  const proxyClient = await frontProxy.issue('front-proxy-client', { user: 'front-proxy-client' });
  const kubeletClient = await cluster.issue('kubelet-client', {
    user: 'kube-apiserver-kubelet-client',
    groups: ['system:masters'],
  });
  const keys = openServiceAccountKeys(pki);
  return command(options, 'kube-apiserver', [
    '--bind-address=127.0.0.1',
    `--secure-port=${ports.apiServer}`,
    // Nobody reaches this cluster through the service `kubernetes`, and a loopback address is refused as its endpoint.
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--etcd-servers=https://127.0.0.1:${ports.etcdClient}`,
    `--etcd-cafile=${etcdAuthority.certFile}`,
    `--etcd-certfile=${etcdClient.certFile}`,
    `--etcd-keyfile=${etcdClient.keyFile}`,
    `--client-ca-file=${cluster.certFile}`,
    `--tls-cert-file=${serving.certFile}`,
    `--tls-private-key-file=${serving.keyFile}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${keys.publicFile}`,
    `--service-account-signing-key-file=${keys.privateFile}`,
    `--requestheader-client-ca-file=${frontProxy.certFile}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${proxyClient.certFile}`,
    `--proxy-client-key-file=${proxyClient.keyFile}`,
    `--kubelet-client-certificate=${kubeletClient.certFile}`,
    `--kubelet-client-key=${kubeletClient.keyFile}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--profiling=false',
  ]);
}

async function controllerManagerCommand(
  options: ComponentsOptions,
  ports: Ports,
  pki: string,
  cluster: CertificateAuthority,
  writeFor: WriteKubeconfig,
): Promise<DaemonCommand> {
  const kubeconfig = path.join(pki, 'controller-manager.kubeconfig');
  await writeFor(kubeconfig, { user: 'system:kube-controller-manager' });
  const frontProxy = await openCertificateAuthority(pki, 'front-proxy-ca');
  return command(options, 'kube-controller-manager', [
    ...controllerFlags(kubeconfig, ports.controllerManager),
    `--client-ca-file=${cluster.certFile}`,
    `--requestheader-client-ca-file=${frontProxy.certFile}`,
    `--root-ca-file=${cluster.certFile}`,
    `--service-account-private-key-file=${openServiceAccountKeys(pki).privateFile}`,
    `--cluster-signing-cert-file=${cluster.certFile}`,
    `--cluster-signing-key-file=${cluster.keyFile}`,
    '--use-service-account-credentials=true',
  ]);
}

async function schedulerCommand(
  options: ComponentsOptions,
  ports: Ports,
  writeFor: WriteKubeconfig,
): Promise<DaemonCommand> {
  const kubeconfig = path.join(options.stateDir, 'pki', 'scheduler.kubeconfig');
  await writeFor(kubeconfig, { user: 'system:kube-scheduler' });
  return command(options, 'kube-scheduler', controllerFlags(kubeconfig, ports.scheduler));
}

function controllerFlags(kubeconfig: string, port: number): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    // There is only one: after a kill its successor must not wait for the old lease to expire.
    '--leader-elect=false',
    '--profiling=false',
  ];
}

function command(options: ComponentsOptions, role: ComponentRole, args: readonly string[]): DaemonCommand {
  return {
    role,
    name: role,
    command: options.binaries[role],
    args: [...args, ...(options.flags?.[role] ?? [])],
    logFile: path.join(options.stateDir, 'logs', `${role}.log`),
    ...(options.env === undefined ? {} : { env: options.env }),
  };
}

async function choosePorts(file: string, reuse: boolean): Promise<Ports> {
  if (reuse && existsSync(file)) {
    const before = parsePorts(readFileSync(file, 'utf8'));
    if (before !== undefined && (await allFree(before))) return before;
  }
  const [etcdClient = 0, etcdPeer = 0, apiServer = 0, controllerManager = 0, scheduler = 0] = await findFreePorts(5);
  const ports = { etcdClient, etcdPeer, apiServer, controllerManager, scheduler };
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(ports)}\n`);
  return ports;
}

async function allFree(ports: Ports): Promise<boolean> {
  const answers = await Promise.all(Object.values(ports).map((port: number) => isFree(port)));
  return answers.every(Boolean);
}

function parsePorts(text: string): Ports | undefined {
  const value: unknown = JSON.parse(text);
  const port = (name: string): number => {
    const one: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
    return typeof one === 'number' && Number.isInteger(one) ? one : 0;
  };
  const ports = {
    etcdClient: port('etcdClient'),
    etcdPeer: port('etcdPeer'),
    apiServer: port('apiServer'),
    controllerManager: port('controllerManager'),
    scheduler: port('scheduler'),
  };
  return Object.values(ports).includes(0) ? undefined : ports;
}
