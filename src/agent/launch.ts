/** Makes everything ready that a pod's process needs and says how it is started. */
import type { Api } from '../kube/api.ts';
import { ConfigProblem } from './config-problem.ts';
import type { Launch } from './containers.ts';
import type { Pod, PodIdentity } from './core-objects.ts';
import type { NodeAddress } from './field-reference.ts';
import { rewriteArgument, rewriteValue, type Mount } from './mount-table.ts';
import { podFolder, type PodFolder } from './pod-folder.ts';
import { baseEnvironment, readEnvironment, rewriteEnvironment } from './process-environment.ts';
import { requestToken, wantsToken, writeAccount } from './service-account.ts';
import { expandVariables } from './variable-expansion.ts';
import { prepareMounts } from './volumes.ts';

/** Where Kubernetes puts a container's termination message when the pod does not say. */
const standardTerminationPath = '/dev/termination-log';

export interface ApiServer {
  readonly host: string;
  readonly port: string;
  /** PEM of the authority that signed its certificate. */
  readonly authority: string | undefined;
}

export interface LaunchSetting {
  readonly api: Api;
  readonly apiServer: ApiServer;
  readonly node: NodeAddress;
  readonly stateFolder: string;
  /** Program and first arguments of the worker's image. */
  readonly entrypoint: readonly string[];
  readonly ownEnvironment: NodeJS.ProcessEnv;
  readonly now: () => number;
}

export interface Prepared {
  readonly launch: Launch;
  /** When the account's token has to be renewed; absent where there is none. */
  readonly renewTokenAtMs?: number;
}

/** Rejects with a `ConfigProblem` for what may be mended outside, with an `ApiError` when the API can't be asked. */
export const prepareLaunch = async (
  setting: LaunchSetting,
  pod: Pod,
  identity: PodIdentity,
  signal: AbortSignal,
): Promise<Prepared> => {
  const container = pod.spec?.containers[0];
  if (container === undefined) throw new ConfigProblem('the pod has no container');
  const folder = podFolder(setting.stateFolder, identity.uid);
  const context = { ...setting, pod, identity, folder, nowMs: setting.now(), signal };
  const base = agentVariables(setting, folder, wantsToken(pod));
  const [renewTokenAtMs, volumeMounts, values] = await Promise.all([
    wantsToken(pod) ? renewAccount(setting, pod, identity, signal) : undefined,
    prepareMounts(context, container),
    readEnvironment(context, container, base),
  ]);
  const mounts: readonly Mount[] = [
    ...volumeMounts,
    { mountPath: container.terminationMessagePath ?? standardTerminationPath, hostPath: folder.terminationLog },
  ];
  const words = [...(container.command ?? setting.entrypoint), ...(container.args ?? [])];
  const ownWords = container.command === undefined ? setting.entrypoint.length : 0;
  const launch: Launch = {
    pod: identity,
    container: container.name,
    command: words.map((word, index) =>
      index < ownWords ? word : rewriteArgument(mounts, expandVariables(word, values)),
    ),
    env: rewriteEnvironment(values, mounts, base),
    ...(container.workingDir === undefined ? {} : { workingFolder: rewriteValue(mounts, container.workingDir) }),
  };
  return renewTokenAtMs === undefined ? { launch } : { launch, renewTokenAtMs };
};

/** Asks for a new token and writes the account's files; returns when to do it again. */
export const renewAccount = async (
  { api, apiServer, stateFolder, now }: LaunchSetting,
  pod: Pod,
  identity: PodIdentity,
  signal: AbortSignal,
): Promise<number> => {
  const issued = await requestToken(api, pod, identity, {}, now(), signal);
  writeAccount(podFolder(stateFolder, identity.uid).serviceAccount, {
    token: issued.token,
    namespace: identity.namespace,
    authority: apiServer.authority,
  });
  return issued.refreshAtMs;
};

const agentVariables = (
  { apiServer, ownEnvironment }: LaunchSetting,
  folder: PodFolder,
  account: boolean,
): Readonly<Record<string, string>> => ({
  ...baseEnvironment(ownEnvironment),
  KUBERNETES_SERVICE_HOST: apiServer.host,
  KUBERNETES_SERVICE_PORT: apiServer.port,
  TWINREEL_TERMINATION_LOG: folder.terminationLog,
  ...(account ? { TWINREEL_SERVICE_ACCOUNT_DIR: folder.serviceAccount } : {}),
});
