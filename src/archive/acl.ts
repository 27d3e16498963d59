import type { Bytes } from '../posix/bytes.ts';

/*
 * POSIX ACLs: the kernel keeps them as the attributes below in a binary form (posix_acl_xattr.h: version 2, then
 * entries of tag u16, permissions u16, id u32, little-endian); pax keeps them as text with numeric ids.
 */

export const ACL_ACCESS = 'system.posix_acl_access';
export const ACL_DEFAULT = 'system.posix_acl_default';
const VERSION = 2;
const NO_ID = 0xffffffff;
const TAGS: ReadonlyMap<number, string> = new Map([
  [0x01, 'user'],
  [0x02, 'user'],
  [0x04, 'group'],
  [0x08, 'group'],
  [0x10, 'mask'],
  [0x20, 'other'],
]);

const permissionText = (bits: number): string =>
  (bits & 4 ? 'r' : '-') + (bits & 2 ? 'w' : '-') + (bits & 1 ? 'x' : '-');

/** `user::rw-,user:1234:r--,group::r--,mask::r--,other::r--`; undefined for a value of another version. */
export const aclToText = (value: Buffer): string | undefined => {
  if (value.length < 4 || (value.length - 4) % 8 !== 0 || value.readUInt32LE(0) !== VERSION) return undefined;
  const entries: string[] = [];
  for (let at = 4; at < value.length; at += 8) {
    const tag = value.readUInt16LE(at);
    const name = TAGS.get(tag);
    if (name === undefined) return undefined;
    const id = tag === 0x02 || tag === 0x08 ? String(value.readUInt32LE(at + 4)) : '';
    entries.push(`${name}:${id}:${permissionText(value.readUInt16LE(at + 2))}`);
  }
  return entries.join(',');
};

const ENTRY = /^(user|group|mask|other):(\d{0,10}):([r-])([w-])([x-])$/;
const PLAIN_TAG = { user: 0x01, group: 0x04, mask: 0x10, other: 0x20 } as const;

/** The kernel's form; undefined for text that is no such list. */
export const aclFromText = (text: Bytes): Buffer | undefined => {
  const entries = text.split(',');
  if (entries.length > 8191) return undefined;
  const value = Buffer.alloc(4 + 8 * entries.length);
  value.writeUInt32LE(VERSION, 0);
  for (const [position, entry] of entries.entries()) {
    const match = ENTRY.exec(entry);
    if (match === null) return undefined;
    const [, name, id, r, w, x] = match;
    if (name !== 'user' && name !== 'group' && name !== 'mask' && name !== 'other') return undefined;
    const named = id !== undefined && id !== '';
    if (named && (name === 'mask' || name === 'other')) return undefined;
    const number = named ? Number(id) : NO_ID;
    if (number > NO_ID) return undefined;
    const at = 4 + 8 * position;
    value.writeUInt16LE(named ? PLAIN_TAG[name] * 2 : PLAIN_TAG[name], at);
    value.writeUInt16LE((r === 'r' ? 4 : 0) | (w === 'w' ? 2 : 0) | (x === 'x' ? 1 : 0), at + 2);
    value.writeUInt32LE(number, at + 4);
  }
  return value;
};
