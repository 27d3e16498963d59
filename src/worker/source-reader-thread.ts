/** The thread at the source: walks, reads and fills the ring. */
import { flushCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';
import { ReaderStopped } from './ring-sink.ts';
import { SourceReader } from './source-reader.ts';
import type { FromSourceReader, ToSourceReader } from './source-reader-protocol.ts';
import { describeFailure } from './thread-failure.ts';

let reader: SourceReader | undefined;

const answer = (order: ToSourceReader): FromSourceReader => {
  if (order.kind === 'open') {
    reader = new SourceReader(order);
    return reader.describeRoot();
  }
  if (reader === undefined) throw new TypeError('the source is not open');
  return reader.read(order);
};

const say = (message: FromSourceReader): void => parentPort?.postMessage(message);

parentPort?.on('message', (order: ToSourceReader) => {
  try {
    say(answer(order));
  } catch (error) {
    if (error instanceof ReaderStopped) say({ kind: 'stopped' });
    else say({ kind: 'failed', failure: describeFailure(error) });
    parentPort?.close();
  }
});

// The process may end without a word; what was compiled is kept now.
flushCompileCache();
