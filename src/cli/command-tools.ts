/** Commands about the program itself. */
import { Argument, type Command } from 'commander';
import { type Doing, objectOutput, outputOf, withReach } from './command-reach.ts';
import { completionLines, completionOf } from './complete.ts';
import { completionScripts, type Shell, shells } from './completion-scripts.ts';
import type { ObjectFormat } from './orders.ts';

export const addToolCommands = (program: Command, doing: Doing): void => {
  addVersion(program, doing);
  addDebug(program, doing);
  addCompletion(program, doing);
};

const addVersion = (program: Command, doing: Doing): void => {
  const command = program
    .command('version')
    .description('tells the versions of this program, the API server and the operator')
    .addOption(objectOutput());
  withReach(command, doing, 'cluster', async (reach, _args, flags: { readonly output?: ObjectFormat }) =>
    doing.run({ kind: 'version', reach, ...outputOf(flags) }),
  );
};

const addDebug = (program: Command, doing: Doing): void => {
  const command = program
    .command('debug')
    .description('gathers objects, pods, events and versions for a report, without Secrets, tokens and variables')
    .option(
      '--out <file>',
      'a .tar.gz or a folder that does not exist (default: twinreel-debug-TIME.tar.gz)',
      doing.absolute,
    );
  withReach(command, doing, 'cluster', async (reach, _args, { out }: { readonly out?: string }) => {
    const time = new Date().toISOString().replaceAll(/[-:]|\..*/g, '');
    await doing.run({ kind: 'debug', reach, out: out ?? doing.absolute(`twinreel-debug-${time}.tar.gz`) });
  });
};

const addCompletion = (program: Command, { run }: Doing): void => {
  program
    .command('completion')
    .description('prints a script by which a shell completes commands and options')
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText('after', '\nExamples:\n  eval "$(kubectl-twinreel completion bash)"')
    .addHelpText('after', '  kubectl-twinreel completion fish | source')
    .addHelpText('after', '\n`kubectl twinreel` is completed where kubectl_complete-twinreel is in the PATH.')
    .action(async (shell: Shell) => run({ kind: 'print', lines: [completionScripts[shell]] }));
  program
    .enablePositionalOptions()
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: readonly string[]) =>
      run({ kind: 'print', lines: completionLines(completionOf(program, words)) }),
    );
};
