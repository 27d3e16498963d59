/** Tokens of a pod's service account, bound to the pod: they end with it. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '../kube/api.ts';
import { isApiError } from '../kube/api.ts';
import { ConfigProblem } from './config-problem.ts';
import { serviceAccounts, type Pod, type PodIdentity, type TokenRequest } from './core-objects.ts';
import { writeWhole } from './whole-file.ts';

/** Where Kubernetes' clients look for their account. */
export const standardAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export const defaultTokenSeconds = 3600;
/** The API refuses anything shorter. */
const shortestTokenSeconds = 600;
/** A token is asked for again when this part of its life is over. */
const refreshAfter = 0.8;
/** Whatever the API grants: a token is never asked for in a tight loop. */
const shortestRefreshMs = 10_000;

export interface IssuedToken {
  readonly token: string;
  readonly refreshAtMs: number;
}

export interface TokenWish {
  readonly audience?: string | undefined;
  readonly expirationSeconds?: number | undefined;
}

/** Whether the pod is given a token of its service account in the usual place. */
export const wantsToken = (pod: Pod): boolean =>
  pod.spec?.automountServiceAccountToken !== false && (pod.spec?.serviceAccountName ?? '') !== '';

/** Rejects with a `ConfigProblem` when the account does not exist or the agent may not speak for it. */
export const requestToken = async (
  api: Api,
  pod: Pod,
  { uid, name, namespace }: PodIdentity,
  wish: TokenWish,
  nowMs: number,
  signal: AbortSignal,
): Promise<IssuedToken> => {
  const account = pod.spec?.serviceAccountName ?? 'default';
  const expirationSeconds = Math.max(wish.expirationSeconds ?? defaultTokenSeconds, shortestTokenSeconds);
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      ...(wish.audience === undefined ? {} : { audiences: [wish.audience] }),
      expirationSeconds,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
    },
  };
  const answer = await api
    .createSubresource<TokenRequest>(serviceAccounts, { namespace, name: account }, 'token', request, signal)
    .catch((error: unknown) => {
      if (!isApiError(error, 'NotFound', 'Forbidden', 'Invalid')) throw error;
      throw new ConfigProblem(`no token for service account ${account}: ${error.message}`, { cause: error });
    });
  const token = answer.status?.token;
  if (token === undefined) throw new ConfigProblem(`no token for service account ${account}: the answer has none`);
  // What was granted, not when it ends by the API server's clock: this machine's may be another time.
  const lifeMs = (answer.spec?.expirationSeconds ?? expirationSeconds) * 1000;
  return { token, refreshAtMs: nowMs + Math.max(lifeMs * refreshAfter, shortestRefreshMs) };
};

export interface AccountFiles {
  readonly token: string;
  readonly namespace: string;
  /** PEM; absent where the API server is known by the system's own authorities. */
  readonly authority: string | undefined;
}

/** Writes `token`, `namespace` and `ca.crt`; each changes as a whole. */
export const writeAccount = (folder: string, files: AccountFiles): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (files.authority === undefined) rmSync(join(folder, 'ca.crt'), { force: true });
  else writeWhole(join(folder, 'ca.crt'), files.authority);
  writeWhole(join(folder, 'namespace'), files.namespace);
  writeWhole(join(folder, 'token'), files.token);
};
