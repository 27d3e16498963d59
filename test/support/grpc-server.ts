/**
 * As much of gRPC as a plugin of a kubelet needs: unary calls on a Unix socket, with messages of numbered strings and
 * flags (protobuf encoding: https://protobuf.dev/programming-guides/encoding/).
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';

/** By number of the field. */
export type Message = Readonly<Record<number, string | boolean>>;

/** By path, such as `/csi.v1.Node/NodeGetInfo`. What one throws is the answer's error. */
export type Methods = Readonly<Record<string, (asked: Message) => Message>>;

const [varint, lengthDelimited] = [0, 2];
const [unimplemented, internal] = [12, 13];

const writeVarint = (value: number): readonly number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...writeVarint(value >>> 7)];

export const encode = (message: Message): Buffer =>
  Buffer.concat(
    Object.entries(message).map(([number, value]) => {
      const tag = (kind: number): readonly number[] => writeVarint((Number(number) << 3) | kind);
      if (typeof value === 'boolean') return Buffer.from([...tag(varint), Number(value)]);
      const bytes = Buffer.from(value);
      return Buffer.concat([Buffer.from([...tag(lengthDelimited), ...writeVarint(bytes.length)]), bytes]);
    }),
  );

/** Messages within the message come as strings, of no use; of repeated fields the last one. */
export const decode = (bytes: Buffer): Message => {
  const message: Record<number, string | boolean> = {};
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 0x80) {
      const byte = bytes[at];
      if (byte === undefined) throw new RangeError('the message ends within a number');
      at += 1;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const [number, kind] = [tag >>> 3, tag & 7];
    if (kind === varint) message[number] = readVarint() !== 0;
    else if (kind === lengthDelimited) {
      const end = readVarint() + at;
      message[number] = bytes.toString('utf8', at, end);
      at = end;
    } else throw new RangeError(`field ${number} is of wire type ${kind}, which is not read`);
  }
  return message;
};

const prefixBytes = 5;

const answer = (stream: ServerHttp2Stream, method: Methods[string] | undefined, body: Buffer): void => {
  let [status, text] = [0, ''];
  let reply: Buffer = Buffer.alloc(0);
  try {
    if (method === undefined) [status, text] = [unimplemented, 'there is no such method'];
    else reply = encode(method(decode(body.subarray(prefixBytes))));
  } catch (error) {
    [status, text] = [internal, error instanceof Error ? error.message : String(error)];
  }
  stream.on('wantTrailers', () =>
    stream.sendTrailers({ 'grpc-status': String(status), 'grpc-message': encodeURIComponent(text) }),
  );
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  if (status !== 0) return void stream.end();
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(reply.length, 1);
  stream.end(Buffer.concat([prefix, reply]));
};

/** Listens when it resolves. @param socket path of a Unix socket, which is made anew */
export const serveGrpc = async (socket: string, methods: Methods): Promise<Http2Server> => {
  rmSync(socket, { force: true });
  const server = createServer();
  server.on('stream', (stream, headers) => {
    const parts: Buffer[] = [];
    stream.on('error', () => undefined); // the caller is gone
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => answer(stream, methods[headers[':path'] ?? ''], Buffer.concat(parts)));
  });
  server.listen(socket);
  await once(server, 'listening');
  return server;
};
