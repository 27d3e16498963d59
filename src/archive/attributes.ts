import type { Bytes } from '../posix/bytes.ts';
import { getXattr, listXattrs, type XattrPlace } from '../posix/xattr.ts';
import { ACL_ACCESS, ACL_DEFAULT, aclToText } from './acl.ts';
import { paxRecord } from './header.ts';
import type { WalkStep } from './walk.ts';

const escapeName = (name: Bytes): Bytes => name.replaceAll('%', '%25').replaceAll('=', '%3D');

/**
 * The records of a file's extended attributes and ACLs; empty where it has none. What vanishes or can't be read
 * meanwhile is left out.
 */
export const attributeRecords = (place: XattrPlace): Bytes => {
  const names = listXattrs(place);
  if (typeof names === 'number' || names.length === 0) return '';
  let records = '';
  for (const name of names.toSorted()) {
    const isAcl = name === ACL_ACCESS || name === ACL_DEFAULT;
    if (name.startsWith('system.') && !isAcl) continue;
    const value = getXattr(place, name);
    if (typeof value === 'number') continue;
    if (!isAcl) records += paxRecord(`SCHILY.xattr.${escapeName(name)}`, value.toString('latin1'));
    else {
      const text = aclToText(value);
      if (text !== undefined)
        records += paxRecord(name === ACL_ACCESS ? 'SCHILY.acl.access' : 'SCHILY.acl.default', text);
    }
  }
  return records;
};

/** Records of a folder just met. */
export const folderAttributes = (step: WalkStep): Bytes =>
  attributeRecords(step.fd >= 0 ? { fd: step.fd } : { folder: step.folder, name: step.name });
