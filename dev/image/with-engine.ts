import { spawnSync } from 'node:child_process';
import { settleModes } from './layer.ts';
import { ImageError } from './image-error.ts';
import type { Platform } from './platform.ts';
import { runTool } from './run-tool.ts';

export interface EngineBuild {
  readonly base: string;
  readonly tag: string;
  readonly out: string;
  readonly platform: Platform;
  readonly labels: Readonly<Record<string, string>>;
  readonly stage: string;
  readonly containerfile: string;
  readonly log: (line: string) => void;
}

/** Builds the Containerfile on a base that the engine pulls. */
export const buildWithEngine = async (build: EngineBuild): Promise<void> => {
  const engine = ['docker', 'podman'].find((name) => spawnSync(name, ['info'], { stdio: 'ignore' }).status === 0);
  if (engine === undefined) {
    throw new ImageError('a base is pulled by Docker or Podman, and neither works here: start one or leave --base out');
  }
  settleModes(build.stage);
  build.log(`${engine} builds on ${build.base}`);
  const labels = Object.entries(build.labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
  const args = ['--platform', build.platform.name, '--build-arg', `BASE=${build.base}`, '--tag', build.tag];
  await runTool(engine, ['build', ...args, ...labels, '--file', build.containerfile, build.stage]);
  await runTool(engine, ['save', '-o', build.out, build.tag]);
};
