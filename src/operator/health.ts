/** Answers probes and scrapes: `/healthz`, `/readyz`, `/metrics`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../kube/log.ts';

export interface HealthOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** What is still waited for; empty: ready. A standby is ready as well as the leader. */
  readonly waitingFor: () => readonly string[];
  readonly metrics: () => Promise<string>;
  readonly metricsContentType: string;
  readonly log: Log;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

export const startHealthServer = async (options: HealthOptions): Promise<HealthServer> => {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.log.error({ url: request.url, err: error }, 'a probe or scrape could not be answered');
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address: AddressInfo | string | null = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  options.log.info({ host: options.host, port }, 'metrics and probes are served');
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

// An exception in the server's callback would end the operator: whatever may throw stands in here, as a rejection.
const answer = async (options: HealthOptions, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'only GET and HEAD\n');
  // Anybody who reaches the port may send a request target that is no URL, such as `//`.
  const target = URL.parse(request.url ?? '/', 'http://operator');
  if (target === null) return send(response, 400, 'not a path\n');
  switch (target.pathname) {
    case '/healthz':
      return send(response, 200, 'ok\n');
    case '/readyz': {
      const waiting = options.waitingFor();
      return waiting.length === 0
        ? send(response, 200, 'ok\n')
        : send(response, 503, waiting.map((what) => `waiting for ${what}\n`).join(''));
    }
    case '/metrics':
      return send(response, 200, await options.metrics(), options.metricsContentType);
    default:
      return send(response, 404, 'try /healthz, /readyz or /metrics\n');
  }
};

const send = (response: ServerResponse, status: number, body: string, contentType = 'text/plain'): void => {
  response.writeHead(status, { 'content-type': contentType });
  response.end(body);
};
