import { isApiError } from '../kube/api.ts';
import { isRecord } from '../kube/json-equal.ts';
import type { RestApi } from '../kube/rest-api.ts';
import { explain } from './explain.ts';
import { inFormat } from './objects-as-they-are.ts';
import { type Deployment, deployments, operatorSelector } from './operator-namespace.ts';
import type { ObjectFormat, Reach } from './orders.ts';
import { printable } from './printable.ts';
import type { Context } from './session.ts';
import { formatTable } from './table.ts';

export interface Versions {
  readonly client: string;
  readonly node: string;
  /** Of the API server; absent: it was not reached. */
  readonly server?: string;
  readonly operators?: readonly OperatorVersion[];
  /** Why something is absent. */
  readonly missing?: string;
}

interface OperatorVersion {
  readonly namespace: string;
  readonly name: string;
  readonly image: string;
  readonly ready: number;
  readonly wanted: number;
}

/** Who only wants to know what this program is need not reach a server: what is missing is told, and is no failure. */
export const showVersion = async (
  context: Context,
  { reach, output }: { readonly reach: Reach; readonly output?: ObjectFormat },
): Promise<number> => {
  const { screen, version, signal } = context;
  const client = { client: version, node: process.version };
  let versions: Versions;
  try {
    const { api } = await context.connect(reach);
    versions = { ...client, ...(await readVersions(api, signal)) };
  } catch (error) {
    if (signal.aborted) throw error;
    versions = { ...client, missing: explain(error, undefined).replaceAll('\n', '; ') };
  }
  screen.print(output === undefined ? tellVersions(versions) : [inFormat(output, versions)]);
  return 0;
};

/** @throws ApiError where the server does not answer */
export const readVersions = async (api: RestApi, signal: AbortSignal): Promise<Omit<Versions, 'client' | 'node'>> => {
  const answer: unknown = JSON.parse(await api.readText('/version', signal));
  const server = isRecord(answer) && typeof answer['gitVersion'] === 'string' ? answer['gitVersion'] : 'unknown';
  try {
    const { items } = await api.list(deployments, { labelSelector: operatorSelector }, signal);
    return { server, operators: items.map(operatorOf) };
  } catch (error) {
    if (!isApiError(error, 'Forbidden')) throw error;
    return { server, missing: 'the operator: its Deployment may not be read' };
  }
};

const operatorOf = ({ metadata, spec, status }: Deployment): OperatorVersion => ({
  namespace: metadata?.namespace ?? '',
  name: metadata?.name ?? '',
  image: spec?.template?.spec?.containers?.find(({ name }) => name === 'operator')?.image ?? '',
  ready: status?.readyReplicas ?? 0,
  wanted: spec?.replicas ?? 1,
});

/** Pure. */
export const tellVersions = (given: Versions): readonly string[] => {
  const { client, node, server, operators, missing } = printable(given);
  const rows = [['kubectl-twinreel', `${client} (Node ${node})`]];
  if (server !== undefined) rows.push(['API server', server]);
  for (const { namespace, name, image, ready, wanted } of operators ?? [])
    rows.push(['operator', `${image} (${namespace}/${name}, ${String(ready)} of ${String(wanted)} ready)`]);
  if (operators?.length === 0) rows.push(['operator', 'no Deployment in the cluster']);
  if (missing !== undefined) rows.push(['not known', missing]);
  return formatTable([], rows);
};
