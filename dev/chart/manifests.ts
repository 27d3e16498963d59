/**
 * `npm run -s manifests -- --out FILE -- [flags of helm template]`: the chart as plain manifests, for those without Helm.
 * The namespace is part of them, since nobody else makes it then.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { operatorNamespace } from '../../src/api/names.ts';
import { goTool } from '../tools/go-tools.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const render = async (namespace: string, flags: readonly string[]): Promise<string> => {
  const helm = await goTool('helm');
  const args = ['template', 'twinreel', join(root, 'charts/twinreel'), '--namespace', namespace, ...flags];
  const { stdout } = await promisify(execFile)(helm, args, { maxBuffer: 1 << 26 });
  const made = readFileSync(join(root, 'config/rbac/00-namespace.yaml'), 'utf8');
  return `${made.replace(`name: ${operatorNamespace}`, `name: ${namespace}`)}${stdout}`;
};

const command = new Command('manifests')
  .description('Writes the chart as plain manifests, the namespace first, for kubectl apply --server-side -f FILE.')
  .requiredOption('--out <file>', 'where to; - is the standard output')
  .option('--namespace <name>', 'where Twinreel is to live', operatorNamespace)
  .argument('[flags...]', 'flags of helm template, after --, such as --set image.repository=NAME')
  .showHelpAfterError('(--help tells more)')
  .action(
    async (flags: readonly string[], { out, namespace }: { readonly out: string; readonly namespace: string }) => {
      const text = await render(namespace, flags);
      if (out === '-') process.stdout.write(text);
      else writeFileSync(out, text);
    },
  );

try {
  await command.parseAsync();
} catch (error) {
  const stderr: unknown = error instanceof Error && 'stderr' in error ? error.stderr : undefined;
  console.error(typeof stderr === 'string' && stderr !== '' ? stderr.trim() : error);
  process.exitCode = 1;
}
