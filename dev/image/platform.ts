import { ImageError } from './image-error.ts';

/** One kind of machine, in the words of everybody who has their own. */
export interface Platform {
  readonly name: 'linux/amd64' | 'linux/arm64';
  /** Of OCI and Debian. */
  readonly architecture: 'amd64' | 'arm64';
  /** Of Node and npm. */
  readonly cpu: 'x64' | 'arm64';
  /** Debian's name of the folder with its libraries, and of its binutils. */
  readonly triplet: string;
  /** The path in every program's header. */
  readonly loader: string;
  readonly binutils: string;
}

const platforms: readonly Platform[] = [
  {
    name: 'linux/amd64',
    architecture: 'amd64',
    cpu: 'x64',
    triplet: 'x86_64-linux-gnu',
    loader: '/lib64/ld-linux-x86-64.so.2',
    binutils: 'binutils-x86-64-linux-gnu',
  },
  {
    name: 'linux/arm64',
    architecture: 'arm64',
    cpu: 'arm64',
    triplet: 'aarch64-linux-gnu',
    loader: '/lib/ld-linux-aarch64.so.1',
    binutils: 'binutils-aarch64-linux-gnu',
  },
];

/** @throws ImageError for one that there is no image for */
export const platformOf = (name: string): Platform => {
  const platform = platforms.find((one) => one.name === name);
  if (platform === undefined) {
    throw new ImageError(`there is no image for ${name}, only for ${platforms.map((one) => one.name).join(' and ')}`);
  }
  return platform;
};

/** That of this machine, whatever its system. */
export const ownPlatform = (): string => (process.arch === 'x64' ? 'linux/amd64' : `linux/${process.arch}`);
