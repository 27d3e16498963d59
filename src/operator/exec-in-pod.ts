/** Commands in pods through the API server's `exec`, with the client library's web socket; loaded when first used. */
import { Writable } from 'node:stream';
import type { KubeConfig, V1Status } from '@kubernetes/client-node';
import type { ExecInPod, ExecRequest } from '../controllers/hook-runner.ts';
import { abortReason } from '../kube/clock.ts';
import { loadClientNodeConfig } from '../kube/client-node-config.ts';
import type { KubeConfigSource } from '../kube/kube-config-source.ts';

/** Only the end of what a command prints is kept. */
const keptBytes = 4096;

type Ended = Awaited<ReturnType<ExecInPod>>;

/** The signal holds from the first step on: also a connection that the API server never answers ends with it. */
export const makeExecInPod =
  (source: KubeConfigSource): ExecInPod =>
  async (request, signal) => {
    signal.throwIfAborted();
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(abortReason(signal));
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([runCommand(source, request, signal), stopped]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };

const runCommand = async (source: KubeConfigSource, request: ExecRequest, signal: AbortSignal): Promise<Ended> => {
  const { Exec } = await import('@kubernetes/client-node');
  const config = await loadClientNodeConfig(source);
  endWith(config, signal);
  const output = makeTail();
  const { promise: ended, resolve, reject } = Promise.withResolvers<Ended>();
  // It may fail before anybody waits for it, when the socket is not open yet.
  ended.catch(() => undefined);
  const settle = (status: V1Status): void => {
    const exitCode = exitCodeOf(status);
    if (exitCode === undefined) reject(new Error(status.message ?? 'the command could not be run'));
    else resolve({ exitCode, output: output.text() });
  };
  const { namespace, pod, container, command } = request;
  const [out, err] = [output.sink(), output.sink()];
  const socket = await new Exec(config)
    .exec(namespace, pod, container, [...command], out, err, null, false, settle)
    .catch((error: unknown) => {
      throw errorOf(error);
    });
  socket.on('close', () => reject(new Error('the command was not seen to its end')));
  socket.on('error', reject);
  const cut = (): void => socket.terminate();
  signal.addEventListener('abort', cut, { once: true });
  // A socket that opened late: its signal has fired already.
  if (signal.aborted) cut();
  try {
    return await ended;
  } finally {
    signal.removeEventListener('abort', cut);
    socket.close();
  }
};

/** Has the signal end also the request by which the web socket is asked for. */
const endWith = (config: KubeConfig, signal: AbortSignal): void => {
  const apply = config.applyToHTTPSOptions.bind(config);
  config.applyToHTTPSOptions = async (options) => {
    await apply(options);
    Object.assign(options, { signal });
  };
};

/** Undefined when the command was not run. */
const exitCodeOf = ({ status, details }: V1Status): number | undefined => {
  if (status === 'Success') return 0;
  const cause = details?.causes?.find(({ reason }) => reason === 'ExitCode');
  return cause?.message === undefined ? undefined : Number(cause.message);
};

/** Both outputs of a command in the order in which they came. */
const makeTail = () => {
  let kept = Buffer.alloc(0);
  const sink = (): Writable =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        kept = Buffer.concat([kept, chunk]).subarray(-keptBytes);
        done();
      },
    });
  return { sink, text: () => kept.toString('utf8') };
};

/** The web socket rejects with an event that holds the error. */
const errorOf = (error: unknown): Error => {
  if (error instanceof Error) return error;
  const held = typeof error === 'object' && error !== null && 'error' in error ? error.error : undefined;
  return held instanceof Error ? held : new Error('the connection for the command was refused', { cause: error });
};
