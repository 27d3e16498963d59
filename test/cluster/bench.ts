import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientEnvironment, entering } from '../../dev/cluster/members.ts';
import { layoutOf } from '../../dev/cluster/layout.ts';
import { type Ended, run } from '../support/shell.ts';

const main = path.join(import.meta.dirname, '../../dev/cluster/main.ts');

/** A cluster bench by its doors: `up`, `load`, `exec` and `down`, with kubectl and helm as the only clients. */
export class ClusterBench {
  readonly state: string;
  readonly #kept = process.env['TWINREEL_CLUSTER'];
  #environment: NodeJS.ProcessEnv | undefined;

  constructor() {
    this.state = realpathSync(this.#kept ?? mkdtempSync(path.join(tmpdir(), 'twinreel-cluster-')));
  }

  /** It runs already and stays: by TWINREEL_CLUSTER, for whoever works on the tests. */
  get isKept(): boolean {
    return this.#kept !== undefined;
  }

  /** @throws Error with all output, where the command fails */
  async verb(verb: string, args: readonly string[] = []): Promise<string> {
    return output([process.execPath, main, verb, '--state', this.state, ...args]);
  }

  /** As `cluster exec` runs it, without another Node in between: tests ask often. @throws as `verb` */
  async exec(...command: readonly string[]): Promise<string> {
    return this.fed('', ...command);
  }

  /** As `exec`, with something to read. */
  async fed(input: string, ...command: readonly string[]): Promise<string> {
    const env = await this.#clients();
    return output(entering(layoutOf(this.state), 'control-plane', command), { env, input });
  }

  /** As `exec`, with its exit code; programs of the folder come first. */
  async ran(bin: string, ...command: readonly string[]): Promise<Ended> {
    const environment = await this.#clients();
    const [file = '', ...args] = entering(layoutOf(this.state), 'control-plane', command);
    return run(file, args, { env: { ...environment, PATH: `${bin}:${environment['PATH'] ?? ''}` } });
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return this.exec('kubectl', ...args);
  }

  async json<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl('get', ...args, '-o', 'json')) as T;
  }

  async apply(...objects: readonly object[]): Promise<string> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    return this.fed(JSON.stringify(list), 'kubectl', 'apply', '--server-side', '-f', '-');
  }

  /** Asks again and again until the answer is one that counts. @throws Error with the last answer after `seconds` */
  async until<T>(what: string, ask: () => Promise<T | undefined>, seconds = 90): Promise<T> {
    const end = performance.now() + seconds * 1000;
    let last: unknown;
    while (performance.now() < end) {
      try {
        const answer = await ask();
        if (answer !== undefined) return answer;
      } catch (error) {
        last = error;
      }
      await sleep(250);
    }
    throw new Error(`not so after ${seconds} s: ${what}`, { cause: last });
  }

  async #clients(): Promise<NodeJS.ProcessEnv> {
    this.#environment ??= await clientEnvironment(layoutOf(this.state), console.error);
    return this.#environment;
  }

  async close(): Promise<void> {
    if (this.isKept) return;
    try {
      await this.verb('down');
    } finally {
      rmSync(this.state, { recursive: true, force: true });
    }
  }
}

interface OutputOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
}

async function output(command: readonly string[], options: OutputOptions = {}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const [file = '', ...args] = command;
  const child = execFile(file, args, { maxBuffer: 2 ** 26, env: options.env }, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else reject(new Error(`${command.join(' ')}: ${stdout}${stderr}`));
  });
  // A command may end before it has read anything: how, its exit code says.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input);
  return promise;
}
