/**
 * Every container runs beneath a shell of its own, in a session of its own. The shell outlives the agent and writes down
 * how the container ended, which only a parent can learn. It is `/bin/sh` since that is everywhere, starts in a
 * millisecond and takes less than one MiB.
 *
 * - It waits for a line on its standard input before it starts anything. The agent records the shell first and then
 *   sends that line; an agent that dies between the two closes the pipe, and the shell ends without having run anything.
 * - The signals that end a container reach the shell too; it catches them, so that it is there to see the end. A caught
 *   signal is back at its default in the child, an ignored one would not be.
 * - `exit` is whole as soon as it ends in a newline.
 * - The parentheses make the redirections the child's own, so that the shell's remark on a child killed by a signal
 *   does not come into the container's log.
 */
export interface Supervised {
  readonly command: readonly string[];
  readonly startedFile: string;
  readonly exitFile: string;
}

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export const supervisorScript = ({ command, startedFile, exitFile }: Supervised): string =>
  [
    'trap : TERM INT HUP QUIT',
    'exec 3>&2 2>/dev/null',
    'IFS= read -r go || exit 0',
    `: > ${quote(startedFile)}`,
    `(exec ${command.map(quote).join(' ')} </dev/null 2>&3 3>&-)`,
    'code=$?',
    `echo "$code" > ${quote(exitFile)}`,
    'exit "$code"',
    '',
  ].join('\n');
