import {
  ApiError,
  type Api,
  type DeleteOptions,
  type KubeObject,
  type ListOptions,
  type ListPage,
  type PatchOptions,
  type Resource,
  type WatchEvent,
  type WatchOptions,
} from './api.ts';
import type { Asked } from './http-error.ts';
import { makeTransport, type Transport, type TransportRequest } from './http-transport.ts';
import { refOf } from './key.ts';
import type { KubeConfig } from './kube-config.ts';
import {
  apiVersionOf,
  checkNamespace,
  collectionPath,
  listQuery,
  objectPath,
  query,
  watchQuery,
} from './resource-path.ts';
import { activeChunks, linesOf, parseWatchLine } from './watch-stream.ts';

export interface RestApiOptions {
  readonly kubeConfig: KubeConfig;
  readonly userAgent?: string;
  /** For one call from its start to its whole answer, and for the first sign of a watch. */
  readonly requestTimeoutMs?: number;
  /** A watch without an event or bookmark for so long has a dead connection; servers send a bookmark every minute. */
  readonly watchInactivityMs?: number;
}

export interface RestApi extends Api {
  /** The answer to a GET of what is no object: `/version`, or the log of a pod. @throws ApiError */
  readText(path: string, signal?: AbortSignal): Promise<string>;
  /** The lines of an answer as they come, for as long as they come: a log that is followed. @throws ApiError */
  readLines(path: string, signal: AbortSignal): AsyncIterable<string>;
  /** Closes the kept connections; running calls fail. Not needed for the process to end. */
  close(): void;
}

/** As long as a timer can be. */
const longestSilenceMs = 2 ** 31 - 1;

const patchTypes: Readonly<Record<PatchOptions['type'], string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  // JSON is YAML.
  apply: 'application/apply-patch+yaml',
};

/** The API server, by HTTP. Answers are taken as the shapes that their resources promise. */
export const makeRestApi = ({
  kubeConfig,
  userAgent = 'twinreel',
  requestTimeoutMs = 30_000,
  watchInactivityMs = 90_000,
}: RestApiOptions): RestApi => {
  const transport = makeTransport({ kubeConfig, userAgent, requestTimeoutMs });
  const call = <R>(request: TransportRequest, signal: AbortSignal | undefined): Promise<R> =>
    callJson<R>(transport, request, signal);

  const put = <T extends KubeObject>(resource: Resource<T>, object: T, sub?: 'status', signal?: AbortSignal) =>
    call<T>({ method: 'PUT', path: objectPath(resource, refOf(object), sub), body: bodyOf(resource, object) }, signal);

  return {
    get: async (resource, ref, signal) => call({ method: 'GET', path: objectPath(resource, ref) }, signal),
    list: async (resource, options, signal) => readPage(transport, resource, options, signal),
    watch: (resource, options, signal) => watchEvents(transport, resource, options, watchInactivityMs, signal),
    create: async <T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal) => {
      const namespace = object.metadata?.namespace;
      checkNamespace(resource, namespace);
      const path = collectionPath(resource, namespace);
      return call<T>({ method: 'POST', path, body: bodyOf(resource, object) }, signal);
    },
    update: async (resource, object, signal) => put(resource, object, undefined, signal),
    updateStatus: async (resource, object, signal) => put(resource, object, 'status', signal),
    patch: async (resource, ref, body, options, signal) => {
      const search = query({ fieldManager: options.fieldManager, force: options.force === true ? 'true' : undefined });
      const path = `${objectPath(resource, ref, options.subresource)}${search}`;
      const text = options.type === 'apply' ? bodyOf(resource, body) : JSON.stringify(body);
      return call({ method: 'PATCH', path, body: text, contentType: patchTypes[options.type] }, signal);
    },
    delete: async (resource, ref, options = {}, signal) => {
      await call({ method: 'DELETE', path: objectPath(resource, ref), body: deleteBody(options) }, signal);
    },
    createSubresource: async (resource, ref, subresource, body, signal) =>
      call({ method: 'POST', path: objectPath(resource, ref, subresource), body: JSON.stringify(body) }, signal),
    readText: async (path, signal) => transport.call({ method: 'GET', path }, signal),
    readLines: (path, signal) => readLines(transport, { method: 'GET', path }, signal),
    close: () => transport.close(),
  };
};

async function* readLines(
  transport: Transport,
  request: TransportRequest,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const response = await transport.open(request, signal);
  // Unlike a watch, a log may be silent for as long as it likes.
  yield* linesOf(activeChunks(request, response, longestSilenceMs, signal));
}

const bodyOf = <T extends KubeObject>(resource: Resource<T>, object: object): string =>
  JSON.stringify({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object });

const deleteBody = ({ uid, resourceVersion, gracePeriodSeconds, propagationPolicy }: DeleteOptions): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds,
    propagationPolicy,
    ...(uid === undefined && resourceVersion === undefined ? {} : { preconditions: { uid, resourceVersion } }),
  });

/** The answer is trusted to be what was asked for: the server has validated it against the schema. */
const callJson = async <R>(
  transport: Transport,
  request: TransportRequest,
  signal: AbortSignal | undefined,
): Promise<R> => {
  const text = await transport.call(request, signal);
  try {
    return JSON.parse(text) as R;
  } catch (cause) {
    throw new ApiError({
      code: 'ServerError',
      message: `${request.method} ${request.path}: the answer is not JSON`,
      retryable: true,
      outcomeUnknown: request.method !== 'GET',
      cause,
    });
  }
};

interface ListAnswer<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

const readPage = async <T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  options: ListOptions,
  signal: AbortSignal | undefined,
): Promise<ListPage<T>> => {
  const path = `${collectionPath(resource, options.namespace)}${listQuery(options)}`;
  const answer = await callJson<ListAnswer<T>>(transport, { method: 'GET', path }, signal);
  const next = answer.metadata?.continue;
  // Built-in kinds leave these out of list items, not of watched objects: a cache shall hold one shape.
  const identity = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  return {
    items: (answer.items ?? []).map((item) => ({ ...identity, ...item })),
    resourceVersion: answer.metadata?.resourceVersion ?? '',
    ...(next === undefined || next === '' ? {} : { continueToken: next }),
  };
};

async function* watchEvents<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  options: WatchOptions,
  inactivityMs: number,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>, void> {
  const asked: Asked = { method: 'GET', path: `${collectionPath(resource, options.namespace)}${watchQuery(options)}` };
  const response = await transport.open(asked, signal);
  for await (const line of linesOf(activeChunks(asked, response, inactivityMs, signal))) {
    yield parseWatchLine<T>(asked, line);
  }
}
