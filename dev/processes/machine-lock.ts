import { createHash } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';

/**
 * Runs `work` while no other process of this machine runs work of the same name. The lock is a socket in Linux's
 * abstract name space: the kernel drops it with its process, so there is no stale lock to judge.
 * @param onWait called once when another one holds it
 */
export async function withMachineLock<T>(name: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const address = `\0twinreel-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  for (let waited = false; ; waited = true) {
    const release = await tryAcquire(address);
    if (release !== undefined) {
      try {
        return await work();
      } finally {
        release();
      }
    }
    if (!waited) onWait();
    await untilReleased(address);
  }
}

/** @returns how to release the lock; undefined when somebody else holds it */
async function tryAcquire(address: string): Promise<(() => void) | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((connection) => {
    waiting.add(connection);
    connection.on('error', () => undefined);
    connection.on('close', () => waiting.delete(connection));
    connection.resume();
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () =>
      resolve(() => {
        server.close();
        for (const connection of waiting) connection.destroy();
      }),
    );
  });
}

/** The holder never sends anything: the connection ends when the lock does. */
async function untilReleased(address: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const connection = connect(address);
    connection.resume();
    connection.once('error', () => undefined);
    connection.once('close', () => resolve());
  });
}
