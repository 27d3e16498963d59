import { closeSync, constants, mkdirSync, openSync, rmSync, statfsSync } from 'node:fs';
import { createHash, randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { BLOCK_BYTES, PLAIN, type BlockSink } from '../src/archive/blocks.ts';
import { planSource } from '../src/archive/plan.ts';
import { acceptSegment, finishRestore, restoreSegment } from '../src/archive/restore.ts';
import { writeSegment } from '../src/archive/segment-writer.ts';
import { FileBlockSource, testInfo, writeTestBackup } from '../test/support/payload-files.ts';
import { makeTree } from '../test/support/make-tree.ts';

/*
 * How fast one thread plans, reads, hashes and restores a tree: `node bench/archive-throughput.ts DIR [files] [bytes]`.
 * The tree is made in DIR/source when it is not there; everything else in DIR is removed at the end.
 */

const [, , dir = '', files = '20000', bytes = '100000000'] = process.argv;
if (dir === '') throw new Error('usage: archive-throughput.ts DIR [files] [bytes]');
const source = join(dir, 'source');
if (!statfsSync(dir, {}).type) throw new Error(`no folder: ${dir}`);

const timed = <T>(name: string, work: () => T): T => {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const result = work();
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - begin) / 1000;
  console.log(`${name.padEnd(28)} ${seconds.toFixed(3)} s   CPU ${((user + system) / 1e6).toFixed(3)} s`);
  return result;
};

/** Hashes, and throws the blocks away. */
class HashSink implements BlockSink {
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  readonly #hash = createHash('sha256');
  readonly #hashing: boolean;

  constructor(hashing: boolean) {
    this.#hashing = hashing;
  }

  take(): Buffer {
    return this.#block;
  }

  put(): void {
    if (this.#hashing) this.#hash.update(this.#block);
  }
}

try {
  openSync(source, 'r');
} catch {
  timed('make the tree', () => {
    makeTree(source, { files: Number(files), totalBytes: Number(bytes), seed: 1, plain: true });
  });
}
const rootFd = openSync(source, constants.O_RDONLY | constants.O_DIRECTORY);
const folder = '.twinreel-0a1b2c3d';
const common = { filter: undefined, oneFileSystem: true, folder };
const tar = (): void => {
  spawnSync('sh', ['-c', `tar -C ${source} -cf - . | openssl dgst -sha256`]);
};
for (let round = 0; round < 3; round += 1) {
  timed('tar -c | openssl', tar);
  const plan = timed('plan', () => [...planSource(rootFd, { ...common, segmentBytes: 256 * 1_048_576 })]);
  for (const hashing of [false, true]) {
    timed(hashing ? 'write and hash' : 'write', () => {
      const sink = new HashSink(hashing);
      for (const { n, from, to } of plan)
        writeSegment(
          { ...common, rootFd, n, from, to, firstSegmentOfFile: 0, encoding: PLAIN, info: testInfo(plan.length) },
          sink,
        );
    });
  }
}
closeSync(rootFd);
const payloads = join(dir, 'payloads');
const backup = timed('write to files', () => writeTestBackup(source, payloads, { segmentBytes: 256 * 1_048_576 }));
for (let round = 0; round < 2; round += 1) {
  for (const way of ['tar -x', 'restore'] as const) {
    const target = join(dir, 'target');
    mkdirSync(target);
    timed(way, () => {
      if (way === 'tar -x') {
        spawnSync('sh', [
          '-c',
          `cat ${backup.data.join(' ')} | tar -C ${target} --delay-directory-restore --xattrs '--xattrs-include=*' --acls --same-owner -p -i -xf -`,
        ]);
        return;
      }
      const targetPath = Buffer.from(target);
      const restoreUid = randomUUID();
      for (const file of [...backup.data, backup.links]) {
        const from = new FileBlockSource(file);
        restoreSegment({
          source: from,
          encoding: PLAIN,
          targetPath,
          folder: backup.folder,
          restoreUid,
          selection: { kind: 'all' },
          conflict: 'Fail',
        });
        from.close();
        acceptSegment(targetPath, restoreUid, 'Fail');
      }
      finishRestore(targetPath, restoreUid, 'Fail');
    });
    rmSync(target, { recursive: true });
  }
}
rmSync(payloads, { recursive: true });
console.log(`peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
