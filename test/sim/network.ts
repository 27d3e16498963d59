/**
 * What lies between an operator and everything that it calls: requests take place and answers arrive in any order, or
 * do not. Requests of a process that has died may still take place.
 */
import type { Api, KubeObject } from '../../src/kube/api.ts';
import { abortReason } from '../../src/kube/clock.ts';
import { apiError, type ApiServer } from './api-server.ts';
import type { Random } from './random.ts';

/** One operator process as the network knows it. */
export interface Caller {
  readonly name: string;
  readonly alive: boolean;
  /** Another process has led since, or leads beside it. */
  readonly replaced: boolean;
}

interface Call {
  readonly caller: Caller;
  readonly what: string;
  readonly isWrite: boolean;
  /** Takes place now; throws what the answer is. */
  readonly perform: (() => unknown) | undefined;
  readonly answer: ((value: unknown) => void) | undefined;
  readonly refuse: ((error: unknown) => void) | undefined;
}

export interface NetworkOptions {
  readonly random: Random;
  readonly strikes: (probability: number) => boolean;
  readonly trace: (line: () => string) => void;
  /** Told about each write of an operator: may kill it, before or after. */
  readonly onWrite: (caller: Caller, when: 'before' | 'after') => void;
}

export class Network {
  readonly #options: NetworkOptions;
  readonly #calls: Call[] = [];

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#calls.length;
  }

  send<R>(caller: Caller, what: string, isWrite: boolean, perform: () => R, signal?: AbortSignal): Promise<R> {
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    return new Promise<R>((resolve, reject) => {
      const answer = resolve as (value: unknown) => void;
      this.#calls.push({ caller, what, isWrite, perform, answer, refuse: reject });
    });
  }

  /** One request takes place, or one answer arrives. */
  step(): void {
    const { random } = this.#options;
    const at = random.int(this.#calls.length);
    const call = this.#calls[at];
    const last = this.#calls.pop();
    if (call === undefined || last === undefined) return;
    if (call !== last) this.#calls[at] = last;
    if (call.perform === undefined) {
      if (call.caller.alive) call.answer?.(undefined);
    } else this.#perform(call, call.perform);
  }

  #perform(call: Call, perform: () => unknown): void {
    const { random, strikes, trace, onWrite } = this.#options;
    const { caller, what, isWrite } = call;
    if (!caller.alive) {
      // Sent before its process died: it may have been lost on the way.
      if (!isWrite || random.chance(0.5)) return;
      trace(() => `${caller.name} (dead) ${what}`);
      attempt(perform);
      return;
    }
    if (isWrite) onWrite(caller, 'before');
    if (!caller.alive) {
      if (random.chance(0.3)) this.#calls.push(call);
      return;
    }
    if (strikes(0.01)) {
      trace(() => `${caller.name} ${what}: refused before it took place`);
      return this.#deliver(call, { error: apiError('TooManyRequests', 'too many requests') });
    }
    const isLost = strikes(0.015);
    if (isLost && random.chance(0.5)) {
      trace(() => `${caller.name} ${what}: lost on its way`);
      return this.#deliver(call, { error: apiError('Unreachable', 'no answer', isWrite) });
    }
    const result = attempt(perform);
    if (isWrite) trace(() => `${caller.name} ${what}${'error' in result ? `: ${codeOf(result.error)}` : ''}`);
    if (isWrite) onWrite(caller, 'after');
    if (!caller.alive) return;
    if (isLost) trace(() => `${caller.name} ${what}: its answer is lost`);
    this.#deliver(call, isLost ? { error: apiError('Unreachable', 'no answer', isWrite) } : result);
  }

  /** At once, or after others. */
  #deliver(call: Call, result: Result): void {
    const deliver = (): void => {
      if ('error' in result) call.refuse?.(result.error);
      else call.answer?.(result.value);
    };
    if (this.#options.random.chance(0.7)) deliver();
    else this.#calls.push({ ...call, perform: undefined, answer: deliver, refuse: undefined });
  }
}

type Result = { readonly value: unknown } | { readonly error: unknown };

/** A broken invariant is no answer of the API. */
const attempt = (perform: () => unknown): Result => {
  try {
    return { value: perform() };
  } catch (error) {
    if (error instanceof Error && error.name === 'Violation') throw error;
    return { error };
  }
};

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

const nameOf = ({ metadata }: KubeObject): string => metadata?.name ?? '?';

/** The API as one operator process reaches it. */
export const remoteApi = (server: ApiServer, network: Network, caller: Caller): Api => ({
  get: (resource, ref, signal) =>
    network.send(caller, `get ${resource.plural} ${ref.name}`, false, () => server.get(resource, ref), signal),
  list: (resource, options, signal) =>
    network.send(
      caller,
      `list ${resource.plural}`,
      false,
      () => ({ items: server.list(resource, options), resourceVersion: '1' }),
      signal,
    ),
  watch: async function* () {
    throw apiError('ServerError', 'caches are fed directly');
  },
  create: (resource, object, signal) =>
    network.send(
      caller,
      `create ${resource.plural} ${nameOf(object)}`,
      true,
      () => server.create(resource, object),
      signal,
    ),
  update: (resource, object, signal) =>
    network.send(
      caller,
      `update ${resource.plural} ${nameOf(object)}`,
      true,
      () => server.update(resource, object),
      signal,
    ),
  updateStatus: (resource, object, signal) =>
    network.send(
      caller,
      `update status of ${resource.plural} ${nameOf(object)}`,
      true,
      () => server.updateStatus(resource, object),
      signal,
    ),
  patch: (resource, ref, body, options, signal) =>
    network.send(
      caller,
      `patch ${resource.plural} ${ref.name}`,
      true,
      () => server.patch(resource, ref, body, options),
      signal,
    ),
  delete: (resource, ref, options, signal) =>
    network.send(
      caller,
      `delete ${resource.plural} ${ref.name}`,
      true,
      () => server.delete(resource, ref, options),
      signal,
    ),
  createSubresource: () => Promise.reject(apiError('NotFound', 'no subresources here')),
});
