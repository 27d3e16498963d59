/** `npm run -s krew -- --out FOLDER`: archives of the kubectl plugin and the manifest by which krew installs them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import packageFile from '../../package.json' with { type: 'json' };
import { ImageError } from '../image/image-error.ts';
import { ownPlatform, platformOf } from '../image/platform.ts';
import { writePluginArchive } from './archive.ts';
import { completeManifest, type Published } from './manifest.ts';

interface Arguments {
  readonly out: string;
  readonly platform: readonly string[];
  readonly uri: string;
}

const absolute = (file: string): string => path.resolve(process.env['INIT_CWD'] ?? process.cwd(), file);
const { version } = packageFile;

const program = new Command('krew')
  .description('Builds the kubectl plugin as krew installs it: archives and twinreel.yaml.')
  .requiredOption('--out <folder>', 'where they are written', absolute)
  .option('--platform <names...>', 'linux/amd64 and linux/arm64', [ownPlatform()])
  .option(
    '--uri <prefix>',
    'address of the folder where the archives will be',
    `https://twinreel.io/releases/v${version}`,
  )
  .action(async ({ out, platform, uri }: Arguments) => {
    const checkout = path.join(import.meta.dirname, '../..');
    mkdirSync(out, { recursive: true });
    const published: Published[] = [];
    for (const one of platform.map(platformOf)) {
      const name = `kubectl-twinreel_v${version}_linux_${one.architecture}.tar.gz`;
      const { sha256 } = await writePluginArchive(checkout, one, path.join(out, name));
      published.push({ platform: one, uri: `${uri}/${name}`, sha256 });
      console.log(`${sha256}  ${name}`);
    }
    const template = readFileSync(path.join(import.meta.dirname, 'twinreel.yaml'), 'utf8');
    writeFileSync(path.join(out, 'twinreel.yaml'), completeManifest(template, version, published));
    console.log(path.join(out, 'twinreel.yaml'));
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof ImageError)) throw error;
  console.error(`krew: ${error.message}`);
  process.exitCode = 1;
}
