import { constants } from 'node:os';
import type { Bytes } from './bytes.ts';
import { pathOfOpened } from './file.ts';
import { cString, declare } from './libc.ts';

const flistxattrCall = declare('int64_t flistxattr(int, uint8_t*, size_t)');
const llistxattrCall = declare('int64_t llistxattr(const uint8_t*, uint8_t*, size_t)');
const fgetxattrCall = declare('int64_t fgetxattr(int, const uint8_t*, uint8_t*, size_t)');
const lgetxattrCall = declare('int64_t lgetxattr(const uint8_t*, const uint8_t*, uint8_t*, size_t)');
const fsetxattrCall = declare('int fsetxattr(int, const uint8_t*, const uint8_t*, size_t, int)');
const lsetxattrCall = declare('int lsetxattr(const uint8_t*, const uint8_t*, const uint8_t*, size_t, int)');
const setxattrCall = declare('int setxattr(const uint8_t*, const uint8_t*, const uint8_t*, size_t, int)');
const fremovexattrCall = declare('int fremovexattr(int, const uint8_t*)');
const removexattrCall = declare('int removexattr(const uint8_t*, const uint8_t*)');
const lremovexattrCall = declare('int lremovexattr(const uint8_t*, const uint8_t*)');

/** The kernel's own limit for the list and for one value. */
const LIMIT = 65_536;
/** The kernel allocates as much as it is offered, each time: nearly all lists and values are small. */
const USUAL = 256;
const listBuffer = Buffer.alloc(LIMIT);
const valueBuffer = Buffer.alloc(LIMIT);
const NONE: readonly Bytes[] = [];
const { ENOTSUP, EOPNOTSUPP, ERANGE } = constants.errno;

/**
 * Where the attributes are: an open file, or a name in an open folder (reached through `/proc/self/fd`, since no
 * call takes a folder and a name; the link of that name itself is meant).
 */
export type XattrPlace = { readonly fd: number } | { readonly folder: number; readonly name: Bytes };

/** An open file, or anything that was opened with O_PATH. */
export type OpenedPlace = { readonly fd: number } | { readonly opened: number };

const pathOf = (folder: number, name: Bytes): Bytes => `/proc/self/fd/${String(folder)}/${name}`;

const split = (length: number): readonly Bytes[] =>
  length === 0 ? NONE : listBuffer.toString('latin1', 0, length - 1).split('\0');

const offerEnough = (call: (limitBytes: number) => number): number => {
  const length = call(USUAL);
  return length === -ERANGE ? call(LIMIT) : length;
};

const listed = (list: (limitBytes: number) => number): readonly Bytes[] | number => namesOf(offerEnough(list));

const namesOf = (length: number): readonly Bytes[] | number => {
  if (length === -ENOTSUP || length === -EOPNOTSUPP) return NONE;
  return length < 0 ? length : split(length);
};

/** Names of all attributes; none where the file system knows none; −errno. */
export const listXattrs = (place: XattrPlace): readonly Bytes[] | number =>
  'fd' in place ? listXattrsFd(place.fd) : listXattrsAt(place.folder, place.name);

export const listXattrsFd = (fd: number): readonly Bytes[] | number => {
  const length = flistxattrCall(fd, listBuffer, USUAL);
  return namesOf(length === -ERANGE ? flistxattrCall(fd, listBuffer, LIMIT) : length);
};

export const listXattrsAt = (folder: number, name: Bytes): readonly Bytes[] | number =>
  listed((limitBytes) => llistxattrCall(cString(pathOf(folder, name)), listBuffer, limitBytes));

/** A copy of the value, or −errno. */
export const getXattr = (place: XattrPlace, attribute: Bytes): Buffer | number => {
  const length = offerEnough((limitBytes) =>
    'fd' in place
      ? fgetxattrCall(place.fd, cString(attribute), valueBuffer, limitBytes)
      : lgetxattrCall(cString(pathOf(place.folder, place.name)), cString(attribute, 1), valueBuffer, limitBytes),
  );
  return length < 0 ? length : Buffer.from(valueBuffer.subarray(0, length));
};

export const setXattr = (place: XattrPlace | OpenedPlace, attribute: Bytes, value: Uint8Array): number => {
  if ('opened' in place)
    return setxattrCall(cString(pathOfOpened(place.opened)), cString(attribute, 1), value, value.length, 0);
  return 'fd' in place
    ? fsetxattrCall(place.fd, cString(attribute), value, value.length, 0)
    : lsetxattrCall(cString(pathOf(place.folder, place.name)), cString(attribute, 1), value, value.length, 0);
};

export const removeXattr = (place: XattrPlace | OpenedPlace, attribute: Bytes): number => {
  if ('opened' in place) return removexattrCall(cString(pathOfOpened(place.opened)), cString(attribute, 1));
  return 'fd' in place
    ? fremovexattrCall(place.fd, cString(attribute))
    : lremovexattrCall(cString(pathOf(place.folder, place.name)), cString(attribute, 1));
};
