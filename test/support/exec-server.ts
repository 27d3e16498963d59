/** An API server that knows `exec` only: the web socket's handshake and frames (RFC 6455), and the channels of v4/v5. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

const handshakeKey = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const binary = 0x82;
const close = 0x88;

export interface ExecSession {
  readonly url: URL;
  readonly protocols: readonly string[];
  /** Resolves when the client has gone. */
  readonly closed: Promise<void>;
  /** Answers the handshake. */
  accept(): void;
  /** Refuses it. */
  refuse(status: number): void;
  /** 1: standard output, 2: standard error, 3: the Status that ends it. */
  send(channel: number, text: string): void;
  /** Ends the connection without a word. */
  cut(): void;
}

export interface ExecServer {
  readonly url: string;
  close(): Promise<void>;
}

export const startExecServer = async (onExec: (session: ExecSession) => void): Promise<ExecServer> => {
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(404).end());
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket) => onExec(sessionOf(request, socket as Socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const sessionOf = (request: IncomingMessage, socket: Socket): ExecSession => {
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${handshakeKey}`).digest('base64');
  socket.on('error', () => undefined);
  // Connections of an HTTP server stay half open else.
  socket.on('end', () => socket.end());
  // The only frame that a client without standard input sends is the one that closes.
  socket.on('data', () => socket.end(Buffer.from([close, 0])));
  return {
    url: new URL(request.url ?? '/', 'http://api'),
    protocols,
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
    accept: () => {
      const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
      const head = ['HTTP/1.1 101 Switching Protocols', ...lines, `Sec-WebSocket-Protocol: ${protocols[0]}`];
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
    },
    refuse: (status) => void socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\n\r\n`),
    send: (channel, text) => void socket.write(frameOf(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]))),
    cut: () => void socket.destroy(),
  };
};

const frameOf = (payload: Buffer): Buffer => {
  if (payload.length < 126) return Buffer.concat([Buffer.from([binary, payload.length]), payload]);
  const header = Buffer.from([binary, 126, 0, 0]);
  header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
};
