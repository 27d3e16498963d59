import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ended, run } from '../support/shell.ts';

const main = path.join(import.meta.dirname, '../../dev/cluster/main.ts');

/** A cluster bench by its doors: `up`, `load`, `exec` and `down`, with kubectl and helm as the only clients. */
export class ClusterBench {
  readonly state: string;
  readonly #kept = process.env['TWINREEL_CLUSTER'];

  constructor() {
    this.state = realpathSync(this.#kept ?? mkdtempSync(path.join(tmpdir(), 'twinreel-cluster-')));
  }

  /** It runs already and stays: by TWINREEL_CLUSTER, for whoever works on the tests. */
  get isKept(): boolean {
    return this.#kept !== undefined;
  }

  /** @throws Error with all output, where the command fails */
  async verb(verb: string, args: readonly string[] = [], input = ''): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const command = [main, verb, '--state', this.state, ...args];
    const child = execFile(process.execPath, command, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`cluster ${verb} ${args.join(' ')}: ${stdout}${stderr}`));
    });
    child.stdin?.end(input);
    return promise;
  }

  async exec(...command: readonly string[]): Promise<string> {
    return this.verb('exec', ['--', ...command]);
  }

  /** As `exec`, with its exit code; programs of the folder come first. */
  async ran(bin: string, ...command: readonly string[]): Promise<Ended> {
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
    return run(process.execPath, [main, 'exec', '--state', this.state, '--', ...command], { env });
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return this.exec('kubectl', ...args);
  }

  async json<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.kubectl('get', ...args, '-o', 'json')) as T;
  }

  async apply(...objects: readonly object[]): Promise<string> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    return this.verb('exec', ['--', 'kubectl', 'apply', '--server-side', '-f', '-'], JSON.stringify(list));
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

  async close(): Promise<void> {
    if (this.isKept) return;
    try {
      await this.verb('down');
    } finally {
      rmSync(this.state, { recursive: true, force: true });
    }
  }
}
