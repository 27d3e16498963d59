import { labels } from '../api/names.ts';
import { ApiError, type Ref } from '../kube/api.ts';
import type { Pod } from '../kube/core-types.ts';
import { objectPath, query } from '../kube/resource-path.ts';
import { pods } from '../kube/resources.ts';
import { CliError } from './cli-error.ts';
import { parseWorkName, readNamed, type Work } from './observe.ts';
import { printable } from './printable.ts';
import type { Session } from './session.ts';

export interface LogsOrder {
  readonly name: string;
  readonly stream?: number;
  readonly tail?: number;
}

/** @returns 1 where no log could be read. @throws CliError, ApiError */
export const showLogs = async (session: Session, { name, stream, tail }: LogsOrder): Promise<number> => {
  const { api, namespace, signal, screen, paint, say } = session;
  const work = await readNamed(api, parseWorkName(name), namespace, signal);
  const operatorNamespace = await session.operatorNamespace();
  const labelSelector = podsOf(work, stream);
  const { items } = await api.list(pods, { namespace: operatorNamespace, labelSelector }, signal);
  if (items.length === 0)
    throw new CliError('NotFound', `${name} has no worker pods now: they are removed soon after they have ended`);
  let read = 0;
  for (const pod of items.toSorted((a, b) => (createdOf(a) < createdOf(b) ? -1 : 1))) {
    try {
      const text = await readLog(session, { namespace: operatorNamespace, name: pod.metadata?.name ?? '' }, tail);
      screen.print([
        paint('title', `== ${pod.metadata?.name ?? ''}`),
        ...text
          .trimEnd()
          .split('\n')
          .map(printable<string>),
      ]);
      read += 1;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      say(whyNot(pod, error));
    }
  }
  return read > 0 ? 0 : 1;
};

/** The selector of their worker pods. Pure. */
export const podsOf = (work: readonly Work[], stream: number | undefined): string => {
  const uids = work.map(({ object }) => object.metadata.uid ?? '');
  const ofStream = stream === undefined ? '' : `,${labels.stream}=${String(stream)}`;
  return `${labels.jobUid} in (${uids.join(',')})${ofStream}`;
};

const createdOf = ({ metadata }: Pod): string => `${metadata?.creationTimestamp ?? ''} ${metadata?.name ?? ''}`;

const readLog = async ({ api, signal }: Session, pod: Ref, tail: number | undefined): Promise<string> =>
  api.readText(`${objectPath(pods, pod, 'log')}${query({ tailLines: tail?.toString() })}`, signal);

/** The API server asks the kubelet of the node; a node agent is none. */
export const whyNot = ({ metadata, spec }: Pod, error: ApiError): string => {
  const where = spec?.nodeName === undefined ? 'it is on no node yet' : `node ${spec.nodeName}`;
  const hint =
    error.code === 'Forbidden' ? '' : "; where a node agent runs it, its log is a file in the agent's folder";
  return `${metadata?.name ?? ''} (${where}): ${error.message}${hint}`;
};
