/** `npm run -s image -- --out FILE.tar`: the image of operator, worker and node agent, without a container daemon. */
import path from 'node:path';
import { Command } from 'commander';
import { buildImage } from './build.ts';
import { ImageError } from './image-error.ts';
import { ownPlatform, platformOf } from './platform.ts';

interface Arguments {
  readonly out: string;
  readonly tag: string;
  readonly platform: string;
  readonly base?: string;
  readonly sbom?: string;
}

const absolute = (file: string): string => path.resolve(process.env['INIT_CWD'] ?? process.cwd(), file);

const program = new Command('image')
  .description('Builds the image and writes an archive for "docker load" and "ctr -n k8s.io images import".')
  .requiredOption('--out <file>', 'the archive', absolute)
  .option('--tag <name>', 'name of the image', 'twinreel:dev')
  .option('--platform <name>', 'linux/amd64 or linux/arm64', ownPlatform())
  .option('--base <image>', 'a base with glibc and libstdc++, such as a distroless one; needs Docker or Podman')
  .option('--sbom <file>', 'writes the bill of materials (SPDX) here too', absolute)
  .action(async (args: Arguments) => {
    const { out, tag, base, sbom } = args;
    const log = (line: string): void => console.error(line);
    const checkout = path.join(import.meta.dirname, '../..');
    const built = await buildImage({ checkout, out, tag, base, sbom, platform: platformOf(args.platform), log });
    for (const { folder, digest, bytes } of built?.layers ?? []) {
      console.log(`${folder.padEnd(8)}  sha256:${digest}  ${(bytes / 1e6).toFixed(1)} MB`);
    }
    if (built !== undefined) console.log(`${tag}  sha256:${built.id}`);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof ImageError)) throw error;
  console.error(`image: ${error.message}`);
  process.exitCode = 1;
}
