/** `npm run -s cluster -- up|down|exec|load|fault --state DIR`: a whole real Kubernetes with two nodes on this machine. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { findNodeBinaries } from './binaries.ts';
import { down } from './down.ts';
import { clientEnvironment, entering } from './members.ts';
import { addFaultCommands } from './fault-commands.ts';
import { type Layout, layoutOf, type MemberName } from './layout.ts';
import { containerdSocket } from './node-config.ts';
import { ClusterError, up } from './up.ts';

interface StateOption {
  readonly state: string;
}

const log = (line: string): void => console.error(line);
const program = new Command('cluster')
  .description('A whole Kubernetes with two nodes on this machine, in namespaces without a link to the outside.')
  .helpCommand(false);
const stateFlag = ['--state <dir>', 'folder for all data, logs and kubeconfig; made when it does not exist'] as const;

program
  .command('up')
  .description('starts everything in the background and returns when both nodes are Ready')
  .requiredOption(...stateFlag)
  .action(async (options: StateOption) => up(open(options), log));
program
  .command('down')
  .description('ends everything, also after an `up` that failed; data and logs stay in the folder')
  .requiredOption(...stateFlag)
  .action(async (options: StateOption) => down(open(options)));
program
  .command('exec')
  .description(
    'runs a command in the network of the control plane, with KUBECONFIG, kubectl, and helm where it was built',
  )
  .requiredOption(...stateFlag)
  .argument('<command...>')
  .action(async (command: readonly string[], options: StateOption) => {
    const layout = open(options);
    process.exitCode = enter(layout, 'control-plane', command, await clientEnvironment(layout, log));
  });
program
  .command('load')
  .description('imports docker archives into both nodes')
  .requiredOption(...stateFlag)
  .argument('<archive...>')
  .action(async (archives: readonly string[], options: StateOption) => {
    const layout = open(options);
    const ctr = path.join(await findNodeBinaries(log), 'ctr');
    for (const { name } of layout.nodes) {
      for (const archive of archives) {
        const args = ['-a', containerdSocket, '-n', 'k8s.io', 'images', 'import', path.resolve(archive)];
        if (enter(layout, name, [ctr, ...args], process.env) !== 0)
          throw new ClusterError(`${name} did not take ${archive}`);
      }
    }
  });
addFaultCommands(program, stateFlag, open);

function open(options: StateOption): Layout {
  mkdirSync(options.state, { recursive: true });
  return layoutOf(realpathSync(options.state));
}

function enter(layout: Layout, member: MemberName, command: readonly string[], env: NodeJS.ProcessEnv): number {
  const [file = '', ...args] = entering(layout, member, command);
  const run = spawnSync(file, args, { stdio: 'inherit', env });
  if (run.error !== undefined) throw run.error;
  return run.status ?? 1;
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
