import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageFile from '../../../package.json' with { type: 'json' };
import { tellVersions } from '../../../src/cli/version.ts';
import { runCli } from './run-cli.ts';

const root = join(import.meta.dirname, '../../..');

describe('completion', { timeout: 60_000 }, () => {
  let folder: string;

  /** As a shell with the program in its path. */
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tw-completion-'));
    const path = join(folder, 'kubectl-twinreel');
    writeFileSync(
      path,
      `#!/bin/sh\nexec '${process.execPath}' '${join(root, packageFile.bin['kubectl-twinreel'])}' "$@"\n`,
    );
    chmodSync(path, 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    { words: ['sta'], is: ['status'], files: false },
    { words: ['tape', ''], is: ['list', 'export', 'eject', 'insert'], files: false },
    { words: ['status', '-o', 'y'], is: ['yaml'], files: false },
    { words: ['status', '--output=j'], is: ['--output=json'], files: false },
    { words: ['status', '-n', 'tape', '--wat'], is: ['--watch'], files: false },
    { words: ['status', '-n', ''], is: [], files: false },
    { words: ['restore', '--conf'], is: ['--conflict'], files: false },
    { words: ['completion', ''], is: ['bash', 'zsh', 'fish'], files: false },
    { words: ['tape', 'list', '--library', ''], is: [], files: true },
  ])('of $words', async ({ words, is, files }) => {
    const { code, stdout } = await runCli(['__complete', ...words]);
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines.slice(0, -1).map((line) => line.split('\t')[0])).toEqual(is);
    expect(lines.at(-1)).toBe(files ? ':0' : ':4');
  });

  it('is not shown in the help', async () => {
    expect((await runCli(['--help'])).stdout).not.toContain('__complete');
  });

  it.each([
    { line: 'kubectl-twinreel res', replies: ['restore'] },
    { line: 'kubectl-twinreel status -o ', replies: ['json', 'yaml', 'wide'] },
    // Bash replaces what stands behind the "=".
    { line: 'kubectl-twinreel status --output=w', replies: ['wide'] },
  ])('happens in bash: $line', ({ line, replies }) => {
    const script = [
      'eval "$(kubectl-twinreel completion bash)"',
      `COMP_LINE='${line}' COMP_POINT=${String(line.length)} COMP_WORDS=(x) COMP_CWORD=0`,
      '_kubectl_twinreel; printf "%s\\n" "${COMPREPLY[@]}"',
    ].join('\n');
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const out = execFileSync('bash', ['-c', script], { env, encoding: 'utf8' });
    expect(out.trimEnd().split('\n')).toEqual(replies);
  });

  it('is what kubectl asks of kubectl_complete-twinreel', () => {
    const path = join(root, packageFile.bin['kubectl_complete-twinreel']);
    const out = execFileSync(process.execPath, [path, 'cance'], { encoding: 'utf8' });
    expect(out).toMatch(/^cancel\t.*\n:4\n$/);
  });
});

describe('version', { timeout: 60_000 }, () => {
  it('tells that of the program where no server is reached, and why', async () => {
    const { code, stdout } = await runCli(['version', '--kubeconfig', '/nowhere/config']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^kubectl-twinreel +${packageFile.version} \\(Node v`));
    expect(stdout).toMatch(/^not known +\/nowhere\/config cannot be read: ENOENT/m);
  });

  it('tells image and readiness of each operator', () => {
    const operator = { namespace: 'ns', name: 'op', image: 'twinreel:9', ready: 1, wanted: 2 };
    expect(tellVersions({ client: '1', node: 'v24', server: 'v1.35.0', operators: [operator] })).toEqual([
      'kubectl-twinreel   1 (Node v24)',
      'API server         v1.35.0',
      'operator           twinreel:9 (ns/op, 1 of 2 ready)',
    ]);
  });
});
