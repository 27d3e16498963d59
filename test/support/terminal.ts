/** A real terminal (a pty, by Python), in which a program is run and talked to as somebody at a keyboard would. */
import { spawn } from 'node:child_process';

/** Waits until `sees` was printed since the last answer, then types. */
export interface Line {
  readonly sees: string;
  readonly types: string;
}

export interface TerminalRun {
  readonly code: number;
  /** Everything that was shown, what was typed included. */
  readonly shown: string;
}

const program = `
import json, os, pty, sys
command, lines = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown, since = b"", b""
while True:
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    since += piece
    while lines and lines[0]["sees"].encode() in since:
        since = since.split(lines[0]["sees"].encode(), 1)[1]
        os.write(fd, lines.pop(0)["types"].encode())
_, status = os.waitpid(pid, 0)
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "shown": shown.decode(errors="replace"), "unsaid": lines}))
`;

/** @throws Error where it ended before it had asked everything */
export const runInTerminal = async (
  command: readonly string[],
  lines: readonly Line[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<TerminalRun> => {
  const child = spawn('python3', ['-c', program, JSON.stringify([command, lines])], { env });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const { code, shown, unsaid } = JSON.parse(out) as TerminalRun & { readonly unsaid: readonly Line[] };
  if (unsaid.length > 0)
    throw new Error(`it ended with ${String(code)} and never showed ${unsaid[0]?.sees ?? ''}:\n${shown}`);
  return { code, shown };
};
