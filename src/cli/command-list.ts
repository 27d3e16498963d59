/** Commands about what is in a backup. */
import type { Command } from 'commander';
import { type Doing, withReach } from './command-reach.ts';
import type { Listing } from './orders.ts';

interface ListFlags {
  readonly catalogue: string;
  readonly long?: boolean;
}

export const addListCommands = (program: Command, doing: Doing): void => {
  const list = program
    .command('ls')
    .description('lists a folder of a backup')
    .argument('<backup>', backupHelp)
    .argument('[folder]', 'relative to the source (default: the source itself)');
  addListing(list, doing, (path = '') => ({ kind: 'folder', path }));
  const find = program
    .command('find')
    .description('finds files in a backup by a pattern, as include and exclude of a job have them')
    .argument('<backup>', backupHelp)
    .argument('[pattern]', "such as '*.odt' (anywhere) or 'docs/**/report*' (default: everything)");
  addListing(find, doing, (pattern = '*') => ({ kind: 'pattern', pattern }));
};

const backupHelp = 'NAME of a BackupJob, or its UID: then no API server is asked';

const addListing = (command: Command, doing: Doing, of: (text: string | undefined) => Listing['of']): void => {
  command
    .requiredOption(
      '--catalogue <dir>',
      "a server's catalogue folder (BackupServer.spec.catalogueFolder)",
      doing.absolute,
    )
    .option('-l, --long', 'mode, owner, size, time and segment, too');
  withReach(command, doing, 'namespace', async (reach, [backup = '', text], flags: ListFlags) => {
    const { catalogue, long = false } = flags;
    await doing.run({ kind: 'list', reach, backup, listing: { catalogue, of: of(text), long } });
  });
};
