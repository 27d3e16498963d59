import { describeTapeDrive } from '../../contract/tape-drive.ts';
import { makeLibrary } from './library-bench.ts';

describeTapeDrive('The virtual drive', async () => {
  const bench = makeLibrary(8 * 2 ** 20, 2 * 2 ** 20);
  await bench.library.changer.move(1024, 256);
  return {
    open: () => bench.library.openDrive(0),
    openTwice: () => bench.library.openDrive(0),
    dispose: async () => bench[Symbol.dispose](),
  };
});
