/** The thread at the drive. It is blocked most of the time; what it is doing stands in the shared progress. */
import { flushCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';
import { openDrive } from './open-drive.ts';
import { SharedProgress } from './progress.ts';
import { TapeWriter, TapeWriterStopped } from './tape-writer.ts';
import type { FromTapeWriter, ToTapeWriter } from './tape-writer-protocol.ts';
import { describeFailure } from './thread-failure.ts';

let writer: TapeWriter | undefined;

const open = (order: Extract<ToTapeWriter, { kind: 'open' }>): FromTapeWriter => {
  new SharedProgress(order.progress).setActivity('Locating');
  const drive = openDrive(order.address);
  writer = new TapeWriter(drive, order);
  return writer.prepare(new Date());
};

const opened = (): TapeWriter => {
  if (writer === undefined) throw new TypeError('the drive is not open');
  return writer;
};

const answer = (order: ToTapeWriter): FromTapeWriter => {
  switch (order.kind) {
    case 'open':
      return open(order);
    case 'survey':
      return { kind: 'surveyed', found: opened().survey(order.group) };
    case 'group':
      return opened().writeGroup(order);
    case 'discard':
      opened().discard();
      return { kind: 'discarded' };
    case 'close':
      writer?.close();
      return { kind: 'closed' };
  }
};

const say = (message: FromTapeWriter): void => parentPort?.postMessage(message);

parentPort?.on('message', (order: ToTapeWriter) => {
  try {
    say(answer(order));
  } catch (error) {
    if (error instanceof TapeWriterStopped) say({ kind: 'closed' });
    else say({ kind: 'failed', failure: describeFailure(error) });
    // After a failed write the position is unknown: whatever else was asked for is not done.
    parentPort?.close();
  }
});

// The process may end without a word; what was compiled is kept now.
flushCompileCache();
