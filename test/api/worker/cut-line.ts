import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface CutLine {
  readonly kubeconfig: string;
  /** Connections end, new ones are refused at once. */
  cut(): void;
  mend(): void;
}

/** A line to the API server that can be cut. */
export const makeCutLine = async (kubeconfig: string): Promise<CutLine> => {
  const text = readFileSync(kubeconfig, 'utf8');
  const [, host = '', port = ''] = /server: https:\/\/([^:]+):(\d+)/.exec(text) ?? [];
  const open = new Set<Socket>();
  let isCut = false;
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), host);
    keep(near);
    keep(far);
    near.pipe(far);
    far.pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const scratch = mkdtempSync(join(tmpdir(), 'twinreel-line-'));
  const through = join(scratch, 'kubeconfig');
  const nearPort = typeof address === 'object' && address !== null ? address.port : 0;
  writeFileSync(through, text.replace(/server: https:\/\/[^\s]+/, `server: https://${host}:${nearPort}`));
  const cut = (): void => {
    isCut = true;
    for (const socket of open) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
    rmSync(scratch, { recursive: true, force: true });
  });
  return { kubeconfig: through, cut, mend: () => (isCut = false) };
};
