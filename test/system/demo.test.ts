/** `npm run demo` as people run it, with little data. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layoutOf } from '../../dev/local/layout.ts';
import { findOwn, findWorkers } from '../../dev/local/marks.ts';
import { readProcessTable } from '../../dev/local/process-table.ts';
import { isAlive, type ProcessIdentity } from '../../dev/processes/process-identity.ts';
import { eventually } from '../support/local-cluster.ts';
import { root, run } from '../support/shell.ts';

const minutes = 60_000;

let folder: string;
let temporary: string;
let demos: Demo[];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'twinreel-demo-test-')));
  temporary = path.join(folder, 'tmp');
  mkdirSync(temporary);
  demos = [];
});

afterEach(async () => {
  for (const demo of demos) await demo.kill();
  rmSync(folder, { recursive: true, force: true });
});

class Demo {
  readonly ended: Promise<number | null>;
  output = '';
  readonly #seen = new Map<string, ProcessIdentity>();
  readonly #child: ChildProcess;
  readonly #watch: NodeJS.Timeout;

  constructor(...args: readonly string[]) {
    this.#child = spawn(process.execPath, [path.join('dev', 'demo', 'main.ts'), ...args], {
      cwd: root,
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#watch = setInterval(() => this.#look(), 100);
    demos.push(this);
  }

  /** Of the local installation; the demo names its folder itself. */
  get state(): string {
    const [name = 'none'] = readdirSync(temporary).filter((one) => one.startsWith('twinreel-demo-'));
    return path.join(temporary, name, 'state');
  }

  /** Everything that ran for it at any time. */
  get processes(): readonly ProcessIdentity[] {
    return [...this.#seen.values()];
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  async says(text: string): Promise<void> {
    await eventually(`the demo says ${text}`, () => (this.output.includes(text) ? true : undefined));
  }

  async kill(): Promise<void> {
    clearInterval(this.#watch);
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.ended;
    if (existsSync(layoutOf(this.state).options)) await down(this.state);
  }

  #look(): void {
    const layout = layoutOf(this.state);
    const found = [...readProcessTable(layout.processes), ...findOwn(layout), ...findWorkers(layout, 2)];
    for (const one of found) this.#seen.set(`${String(one.pid)} ${one.startTicks}`, one);
  }
}

const down = (state: string) => run('npm', ['run', '-s', 'local', '--', 'down', '--state', state]);

const makeSource = (): string => {
  const source = path.join(folder, 'mine');
  mkdirSync(path.join(source, 'sub'), { recursive: true });
  for (let file = 0; file < 40; file += 1) {
    writeFileSync(path.join(source, 'sub', `file-${String(file)}`), Buffer.alloc(200_000, file));
  }
  return source;
};

describe('the demo', () => {
  it(
    'survives the broken drive, restores identical from either copy and by hand, and leaves nothing',
    async () => {
      const demo = new Demo('--size', '64Mi');
      expect(await demo.ended, demo.output).toBe(0);
      const identical = demo.output.split('\n').filter((line) => line.includes('identical to the source'));
      expect(identical.map((line) => line.replace(/^ ✔ (.*): identical.*/, '$1'))).toEqual([
        'the whole backup',
        'copy 0 alone',
        'copy 1 alone',
        'one file',
        'GNU tar alone',
      ]);
      expect(demo.output).toMatch(/library-0\/drive-\d breaks: a write fails/);
      expect(demo.output).toMatch(/demo {3}Succeeded {3}100% {7}2\/2 {7}1 {11}AllCopiesWritten/);
      expect(demo.output, 'colours are for terminals').not.toContain('\u001b');
      // etcd, API server, controller manager, scheduler, operator, two agents, supervisor, and workers.
      expect(demo.processes.length).toBeGreaterThan(8);
      expect(demo.processes.filter(isAlive)).toEqual([]);
      expect(readdirSync(temporary)).toEqual([]);
    },
    15 * minutes,
  );

  it(
    'leaves nothing when Ctrl-C comes in the middle of the backup',
    async () => {
      const demo = new Demo('--size', '64Mi');
      await demo.says('stream 0 secured');
      demo.interrupt();
      demo.interrupt();
      expect(await demo.ended, demo.output).toBe(130);
      expect(demo.processes.length).toBeGreaterThanOrEqual(8);
      expect(demo.processes.filter(isAlive)).toEqual([]);
      expect(readdirSync(temporary)).toEqual([]);
    },
    10 * minutes,
  );

  it(
    'takes the own files of the user, leaves them as they are, and goes on running where it is told to',
    async () => {
      const source = makeSource();
      const before = readFileSync(path.join(source, 'sub', 'file-7'));
      const demo = new Demo('--source', source, '--keep');
      expect(await demo.ended, demo.output).toBe(0);
      expect(demo.output).toContain(`to stop it: npm run -s local -- down --state ${demo.state}`);
      expect(readProcessTable(layoutOf(demo.state).processes).filter(isAlive).length).toBeGreaterThanOrEqual(8);
      expect((await down(demo.state)).code).toBe(0);
      expect(demo.processes.filter(isAlive)).toEqual([]);
      expect(readFileSync(path.join(source, 'sub', 'file-7'))).toEqual(before);
      expect(readdirSync(path.join(source, 'sub'))).toHaveLength(40);
    },
    15 * minutes,
  );

  it('refuses a source that is no folder, and says so', async () => {
    const demo = new Demo('--source', path.join(folder, 'nothing'));
    expect(await demo.ended).toBe(1);
    expect(demo.output).toContain(`${path.join(folder, 'nothing')} is no folder`);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
