import { declare } from './libc.ts';

const ioctlCall = declare('int ioctl(int, unsigned long, uint8_t*)');

/** ioctl(2) with a structure that the kernel reads or fills. Returns a result ≥ 0 or −errno. */
export const ioctlFd = (fd: number, request: number, structure: Uint8Array): number =>
  ioctlCall(fd, request, structure);
