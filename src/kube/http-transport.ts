import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { ApiError } from './api.ts';
import { abortReason } from './clock.ts';
import { errorOfAnswer, errorOfSilence, type Asked } from './http-error.ts';
import type { Credentials, KubeConfig, TlsIdentity } from './kube-config.ts';

/**
 * HTTP with kept connections. node:https and not undici or fetch: it is there without an import of 100 ms, tells when
 * a connection was made (hence whether a write can have happened) and streams a watch with back-pressure.
 */
export interface Transport {
  /** The body of a 2xx answer. Rejects with an ApiError, or with the signal's reason. */
  call(request: TransportRequest, signal?: AbortSignal): Promise<string>;
  /** Resolves when a 2xx answer has begun; the stream is destroyed when the signal is aborted. */
  open(request: TransportRequest, signal: AbortSignal): Promise<IncomingMessage>;
  close(): void;
}

export interface TransportRequest extends Asked {
  readonly body?: string;
  readonly contentType?: string;
}

export interface TransportOptions {
  readonly kubeConfig: KubeConfig;
  readonly userAgent: string;
  readonly requestTimeoutMs: number;
}

/** Kube-apiserver closes idle connections after 90 s: leave them before, or a write meets one that is just closing. */
const idleSocketMs = 60_000;
const maxCallSockets = 32;

interface Agents {
  readonly tls: TlsIdentity;
  readonly calls: HttpAgent;
  /** Apart and without a limit, so that watches never take the places of calls. */
  readonly streams: HttpAgent;
}

export const makeTransport = ({ kubeConfig, userAgent, requestTimeoutMs }: TransportOptions): Transport => {
  const secure = kubeConfig.server.startsWith('https:');
  let agents: Agents | undefined;

  const agentsFor = (tls: TlsIdentity): Agents => {
    if (agents !== undefined && sameIdentity(agents.tls, tls)) return agents;
    // Connections of an identity that was replaced end by themselves when they have been idle.
    const make = (maxSockets: number): HttpAgent => {
      const options = { keepAlive: true, maxSockets, timeout: idleSocketMs };
      return secure ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options);
    };
    agents = { tls, calls: make(maxCallSockets), streams: make(Infinity) };
    return agents;
  };

  const start = (request: TransportRequest, credentials: Credentials, kind: 'calls' | 'streams'): ClientRequest => {
    const headers = {
      ...credentials.headers,
      'user-agent': userAgent,
      accept: 'application/json',
      ...(request.body === undefined
        ? {}
        : {
            'content-type': request.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(request.body),
          }),
    };
    const agent = credentials.agent ?? agentsFor(credentials.tls)[kind];
    const options = { method: request.method, headers, agent };
    const url = `${kubeConfig.server}${request.path}`;
    return secure ? httpsRequest(url, options) : httpRequest(url, options);
  };

  const begin = async (
    request: TransportRequest,
    kind: 'calls' | 'streams',
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> => {
    for (let attempt = 1; ; attempt += 1) {
      if (signal?.aborted === true) throw abortReason(signal);
      const credentials = await readCredentials(request, kubeConfig, attempt > 1);
      const outcome = await exchange(request, start(request, credentials, kind), requestTimeoutMs, signal);
      if (outcome.kind === 'answer') return outcome.response;
      // Refused credentials may just have been replaced; a refusal did nothing, so writes are repeated too.
      const again = outcome.error.code === 'Unauthorized' || (outcome.staleSocket && request.method === 'GET');
      if (attempt > 1 || !again) throw outcome.error;
    }
  };

  return {
    open: (request, signal) => begin(request, 'streams', signal),
    call: async (request, signal) => {
      const response = await begin(request, 'calls', signal);
      return readBody(request, response, requestTimeoutMs, signal);
    },
    close: () => {
      agents?.calls.destroy();
      agents?.streams.destroy();
      agents = undefined;
    },
  };
};

const sameIdentity = (a: TlsIdentity, b: TlsIdentity): boolean =>
  sameBytes(a.ca, b.ca) &&
  sameBytes(a.cert, b.cert) &&
  sameBytes(a.key, b.key) &&
  a.servername === b.servername &&
  a.rejectUnauthorized === b.rejectUnauthorized;

const sameBytes = (a: unknown, b: unknown): boolean =>
  a === b || (Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b));

const readCredentials = async (asked: Asked, kubeConfig: KubeConfig, fresh: boolean): Promise<Credentials> => {
  try {
    return await kubeConfig.credentials(fresh);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ApiError({
      code: 'Unauthorized',
      message: `${asked.method} ${asked.path}: no credentials: ${why}`,
      retryable: true,
      outcomeUnknown: false,
      cause,
    });
  }
};

type Outcome =
  | { readonly kind: 'answer'; readonly response: IncomingMessage }
  /** `staleSocket`: a kept connection turned out to be closed, the server may be well. */
  | { readonly kind: 'failed'; readonly error: ApiError; readonly staleSocket: boolean };

/** Sends the request and waits for the head of the answer, and for its body too when it is an error. */
const exchange = (
  request: TransportRequest,
  sending: ClientRequest,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Outcome> => {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  let sent = false;
  const onAbort = (): void => {
    reject(abortReason(signal));
    sending.destroy();
  };
  const timer = setTimeout(() => {
    fail(new Error(`no answer within ${timeoutMs} ms`));
    sending.destroy();
  }, timeoutMs);
  const settle = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
  const fail = (cause: unknown): void =>
    resolve({ kind: 'failed', error: errorOfSilence(request, cause, sent), staleSocket: sending.reusedSocket });

  signal?.addEventListener('abort', onAbort, { once: true });
  sending.on('socket', (socket) => {
    if (sending.reusedSocket || !socket.connecting) sent = true;
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => (sent = true));
  });
  // Stays for the life of the request: destroying it makes it emit once more.
  sending.on('error', fail);
  sending.on('response', (response) => {
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) {
      resolve({ kind: 'answer', response });
      return;
    }
    readWhole(response).then(
      (body) => answered(body),
      () => answered(''),
    );
    const answered = (body: string): void => {
      const error = errorOfAnswer(request, status, body, response.headers['retry-after']);
      resolve({ kind: 'failed', error, staleSocket: false });
    };
  });
  sending.end(request.body);
  return promise.finally(settle);
};

const readBody = async (
  request: TransportRequest,
  response: IncomingMessage,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<string> => {
  const onAbort = (): void => void response.destroy(abortReason(signal));
  const timer = setTimeout(() => response.destroy(new Error(`answer not whole within ${timeoutMs} ms`)), timeoutMs);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await readWhole(response);
  } catch (cause) {
    if (signal?.aborted === true) throw abortReason(signal);
    throw errorOfSilence(request, cause, true);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
};

/** Decoded once as a whole, since a character may lie across two chunks. */
const readWhole = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};
