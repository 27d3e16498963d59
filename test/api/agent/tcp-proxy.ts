/** A way to the API server that can be cut and joined again without a change of the server. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpProxy {
  readonly url: string;
  /** Cuts every connection and refuses new ones. */
  close(): Promise<void>;
  /** Accepts connections again at the same address. */
  open(): Promise<void>;
}

export const startProxy = async (target: string): Promise<TcpProxy> => {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let ownPort = 0;

  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };

  const open = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const made = createServer((inner) => {
        const outer = connect(Number(port), hostname);
        track(inner);
        track(outer);
        inner.pipe(outer).pipe(inner);
        inner.on('close', () => outer.destroy());
        outer.on('close', () => inner.destroy());
      });
      server = made;
      made.once('error', reject);
      made.listen(ownPort, '127.0.0.1', () => {
        const address = made.address();
        if (address !== null && typeof address === 'object') ownPort = address.port;
        resolve();
      });
    });

  const close = (): Promise<void> =>
    new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      const closing = server;
      server = undefined;
      if (closing === undefined) resolve();
      else closing.close(() => resolve());
    });

  await open();
  return { url: `https://127.0.0.1:${ownPort}`, open, close };
};
