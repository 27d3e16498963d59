import { Worker } from 'node:worker_threads';
import { WorkerFailure } from './failure.ts';
import { failureOf, type ThreadFailure } from './thread-failure.ts';

interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** A thread that answers each question in order, or fails once and for all. */
export class ThreadPort<Question, Answer extends { readonly kind: string }> {
  /** Rejects when the thread has failed; never resolves. */
  readonly broken: Promise<never>;
  readonly #thread: Worker;
  readonly #waiting: Waiting<Answer>[] = [];
  readonly #break: (error: Error) => void;
  #error: Error | undefined;

  constructor(entry: URL, name: string) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.broken = promise;
    this.broken.catch(ignore);
    this.#break = reject;
    this.#thread = new Worker(entry, {
      name,
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
      // Files are opened and closed by system calls of our own too, of which Node knows nothing.
      trackUnmanagedFds: false,
    });
    this.#thread.on('message', (answer: Answer) => {
      if (isFailed(answer)) this.#fail(failureOf(answer.failure));
      else this.#waiting.shift()?.resolve(answer);
    });
    this.#thread.on('error', (cause) => {
      const message = `thread ${name}: ${cause instanceof Error ? cause.message : String(cause)}`;
      this.#fail(new WorkerFailure({ reason: 'InternalError', fault: 'worker', message, cause }));
    });
    this.#thread.on('exit', () => {
      const message = `thread ${name} ended`;
      this.#fail(new WorkerFailure({ reason: 'InternalError', fault: 'worker', message }));
    });
  }

  ask(question: Question): Promise<Answer> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#thread.postMessage(question);
    });
  }

  async terminate(): Promise<void> {
    await this.#thread.terminate();
  }

  #fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#break(error);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

const isFailed = (answer: { readonly kind: string }): answer is { kind: 'failed'; failure: ThreadFailure } =>
  answer.kind === 'failed';

const ignore = (): void => undefined;
