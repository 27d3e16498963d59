import { ImageError } from './image-error.ts';

/** What a container of the image starts with, and the folders that its layers are made of, lowest first. */
export interface Containerfile {
  readonly folders: readonly string[];
  readonly env: readonly string[];
  readonly workdir: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/**
 * Reads the few instructions that our Containerfile uses. Pure.
 * @throws ImageError for any other one: the image made without an engine would lack what it says
 */
export const parseContainerfile = (text: string): Containerfile => {
  const file = {
    folders: [] as string[],
    env: [] as string[],
    workdir: '/',
    user: '',
    entrypoint: [] as readonly string[],
    command: [] as readonly string[],
  };
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const [, instruction = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    switch (instruction) {
      case 'ARG':
      case 'FROM':
        break;
      case 'COPY':
        file.folders.push(copiedToRoot(rest));
        break;
      case 'ENV':
        file.env.push(rest);
        break;
      case 'WORKDIR':
        file.workdir = rest;
        break;
      case 'USER':
        file.user = rest;
        break;
      case 'ENTRYPOINT':
        file.entrypoint = words(rest);
        break;
      case 'CMD':
        file.command = words(rest);
        break;
      default:
        throw new ImageError(
          `Containerfile: "${line}": only COPY FOLDER /, ENV, WORKDIR, USER, ENTRYPOINT and CMD are known here`,
        );
    }
  }
  return file;
};

const copiedToRoot = (rest: string): string => {
  const folder = /^(\w+) \/$/.exec(rest)?.[1];
  if (folder === undefined) throw new ImageError(`Containerfile: "COPY ${rest}": write COPY FOLDER /`);
  return folder;
};

const words = (rest: string): readonly string[] => {
  const value: unknown = JSON.parse(rest);
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) {
    throw new ImageError(`Containerfile: "${rest}": write it as a JSON list of words`);
  }
  return value;
};
