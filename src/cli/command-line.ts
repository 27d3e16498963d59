import { Command, Option } from 'commander';
import { addHardwareCommands } from './command-hardware.ts';
import { addLibraryCommands } from './command-library.ts';
import { addListCommands } from './command-list.ts';
import { type Doing, withReach } from './command-reach.ts';
import { addToolCommands } from './command-tools.ts';
import { addWorkCommands } from './command-work.ts';
import type { Order, TableFormat } from './orders.ts';

interface CommandLineOptions {
  readonly version: string;
  /** From the user's folder. */
  readonly absolute: (path: string) => string;
  readonly run: (order: Order) => Promise<void>;
}

/** The whole command line. Parsing rejects with a `CommanderError`, whose `exitCode` is 0 for `--help` and `--version`. */
export const makeCommandLine = ({ version, absolute, run }: CommandLineOptions): Command => {
  const program = new Command('kubectl-twinreel')
    .description('Backups and restores of Twinreel: looks at them, makes them, and looks into tapes.')
    .version(version)
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 the command line is wrong, 130 interrupted.');
  const doing: Doing = { absolute, run };
  addStatus(program, doing);
  addWorkCommands(program, doing);
  addHardwareCommands(program, doing);
  addLibraryCommands(program, doing);
  addListCommands(program, doing);
  addToolCommands(program, doing);
  return program;
};

interface StatusFlags {
  readonly output?: TableFormat;
  readonly watch?: boolean;
}

const addStatus = (program: Command, doing: Doing): void => {
  const command = program
    .command('status')
    .description('shows all jobs and restores, or tells everything about one')
    .argument('[job]', 'NAME of a job or restore, or backupjob/NAME, or restore/NAME')
    .addOption(
      new Option('-o, --output <format>', 'the objects as they are; wide: with tapes and message').choices([
        ...['json', 'yaml', 'wide'],
      ]),
    )
    .addOption(new Option('-w, --watch', 'go on showing; for one job until it has ended').conflicts('output'));
  withReach(command, doing, 'namespaces', async (reach, [job], { watch = false, output }: StatusFlags) => {
    if (job !== undefined && reach.allNamespaces) command.error("error: one job's namespace is given by -n");
    await doing.run({
      kind: 'status',
      reach,
      ...(job !== undefined && { job }),
      ...(output !== undefined && { output }),
      watch,
    });
  });
};
