/** Where the operator lives, and with it the records and the worker pods: Helm installs it wherever it is told to. */
import { operatorNamespace as usualNamespace } from '../api/names.ts';
import { backupSaveRecords } from '../api/resources.ts';
import { isApiError, type Api, type KubeObject, type ListOptions, type Resource } from '../kube/api.ts';
import type { Container } from '../kube/core-types.ts';
import { CliError } from './cli-error.ts';

export interface Deployment extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: { readonly spec?: { readonly containers?: readonly Container[] } };
  };
  readonly status?: { readonly readyReplicas?: number };
}

export const deployments: Resource<Deployment> = {
  ...{ group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
};

export const operatorSelector = 'app.kubernetes.io/name=twinreel,app.kubernetes.io/component=operator';

/**
 * What was said; else where its Deployment is; else, for an operator that runs outside the cluster or a user who may not
 * look at Deployments, where a record is; else the usual one.
 *
 * @param said  by the flag or TWINREEL_NAMESPACE
 * @throws CliError where there is more than one operator, ApiError
 */
export const findOperatorNamespace = async (
  api: Api,
  said: string | undefined,
  signal: AbortSignal,
): Promise<string> => {
  if (said !== undefined && said !== '') return said;
  const [found = await namespacesOf(api, backupSaveRecords, { limit: 1 }, signal).then(([first]) => first), ...more] =
    await namespacesOf(api, deployments, { labelSelector: operatorSelector }, signal);
  if (more.length === 0) return found ?? usualNamespace;
  throw new CliError(
    'WrongArgument',
    `there are operators in ${[found, ...more].join(', ')}: say which by --operator-namespace or TWINREEL_NAMESPACE`,
  );
};

/** Each once, in order; none where they may not be listed. */
const namespacesOf = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  options: ListOptions,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  try {
    const { items } = await api.list(resource, options, signal);
    return [...new Set(items.map(({ metadata }) => metadata?.namespace ?? usualNamespace))].toSorted();
  } catch (error) {
    if (isApiError(error, 'Forbidden', 'NotFound')) return [];
    throw error;
  }
};
