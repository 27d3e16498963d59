/** Commands in pods through the API server's `exec`, with the client library's web socket; loaded when first used. */
import { PassThrough } from 'node:stream';
import type { ExecInPod } from '../controllers/hook-runner.ts';

/** Only the end of what a command prints is kept. */
const keptBytes = 4096;

/** @param kubeconfig a file; absent: the service account of the pod */
export const makeExecInPod =
  (kubeconfig: string | undefined): ExecInPod =>
  async ({ namespace, pod, container, command }, signal) => {
    const { Exec, KubeConfig } = await import('@kubernetes/client-node');
    const config = new KubeConfig();
    if (kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
    signal.throwIfAborted();
    let output = '';
    const sink = new PassThrough();
    sink.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-keptBytes);
    });
    const { promise, resolve, reject } = Promise.withResolvers<{ exitCode: number; output: string }>();
    const socket = await new Exec(config).exec(
      namespace,
      pod,
      container,
      [...command],
      sink,
      sink,
      null,
      false,
      (status) => {
        if (status.status === 'Success') return resolve({ exitCode: 0, output });
        const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
        if (cause?.message !== undefined) return resolve({ exitCode: Number(cause.message), output });
        reject(new Error(status.message ?? 'the command could not be run'));
      },
    );
    const stop = (): void => {
      socket.close();
      reject(new Error('the command was not seen to its end'));
    };
    socket.on('close', stop);
    socket.on('error', reject);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', stop);
      socket.close();
    }
  };
