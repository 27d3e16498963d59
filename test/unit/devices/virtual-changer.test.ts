import { describeChanger } from '../../contract/changer.ts';
import { makeLibrary } from './library-bench.ts';

describeChanger('The virtual library', async () => {
  const bench = makeLibrary();
  return {
    changer: bench.library.changer,
    lockDrive: (address) => {
      const element = bench.library.drives.find((drive) => drive.address === address);
      const drive = bench.library.openDrive(element?.drive ?? -1);
      return { release: () => drive.close() };
    },
    dispose: async () => bench[Symbol.dispose](),
  };
});
