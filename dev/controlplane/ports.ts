import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the kernel's ephemeral range (32768 and up): no outgoing connection takes such a port while its server restarts.
const lowest = 20_000;
const highest = 32_000;

/** Finds `count` different TCP ports that nobody listens on at 127.0.0.1 right now. Another may still take one later. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count && tries < 200 + count; tries++) {
    const port = randomInt(lowest, highest);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  if (found.size < count) throw new Error(`no ${count} free TCP ports between ${lowest} and ${highest} at 127.0.0.1`);
  return [...found];
}

export async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}
