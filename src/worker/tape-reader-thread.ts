/** The thread at the drive of a restore. */
import { flushCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';
import { openDrive } from './open-drive.ts';
import { SharedProgress } from './progress.ts';
import { TapeReader, TapeReaderStopped } from './tape-reader.ts';
import type { FromTapeReader, ToTapeReader } from './restore-protocol.ts';
import { describeFailure } from './thread-failure.ts';

let reader: TapeReader | undefined;

const answer = (order: ToTapeReader): FromTapeReader => {
  switch (order.kind) {
    case 'open':
      new SharedProgress(order.progress).setActivity('Locating');
      reader = new TapeReader(openDrive(order.address), order);
      reader.checkLabel(order.meant);
      return { kind: 'opened' };
    case 'read':
      if (reader === undefined) throw new TypeError('the drive is not open');
      return { kind: 'read', verdict: reader.read(order.wanted) };
    case 'close':
      reader?.close();
      return { kind: 'closed' };
  }
};

const say = (message: FromTapeReader): void => parentPort?.postMessage(message);

parentPort?.on('message', (order: ToTapeReader) => {
  try {
    say(answer(order));
  } catch (error) {
    if (error instanceof TapeReaderStopped) say({ kind: 'closed' });
    else say({ kind: 'failed', failure: describeFailure(error) });
    parentPort?.close();
  }
});

// The process may end without a word; what was compiled is kept now.
flushCompileCache();
