import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import { chmodFd, chmodOpened, chownFd, chownOpened } from '../posix/file.ts';
import { setTimesFd, setTimesOpened } from '../posix/times.ts';
import { removeXattr, setXattr, type OpenedPlace } from '../posix/xattr.ts';
import { ACL_ACCESS, ACL_DEFAULT, aclFromText } from './acl.ts';
import type { Member } from './pax-reader.ts';
import type { RestoreReport } from './restore-report.ts';

const SET_ID_BITS = 0o6000;
const { ENODATA, ENOTSUP } = constants.errno;

type Attributes = Pick<
  Member,
  'type' | 'mode' | 'uid' | 'gid' | 'mtimeSec' | 'mtimeNs' | 'xattrs' | 'aclAccess' | 'aclDefault'
>;
export type { Attributes };

const applyAcl = (place: OpenedPlace, path: Bytes, name: Bytes, text: Bytes, report: RestoreReport): void => {
  const value = aclFromText(text);
  const result = value === undefined ? -constants.errno.EINVAL : setXattr(place, name, value);
  if (result < 0) report.failAttribute(path, name, errnoName(-result));
};

/** What a new folder may have inherited. */
const removeAcl = (place: OpenedPlace, path: Bytes, name: Bytes, report: RestoreReport): void => {
  const result = removeXattr(place, name);
  if (result < 0 && result !== -ENODATA && result !== -ENOTSUP) report.failAttribute(path, name, errnoName(-result));
};

/**
 * Gives a new file or a folder its owner, xattrs, ACLs, mode and times, in an order in which none undoes another
 * (a change of owner clears set-id bits and capabilities). What can't be set is reported, and the rest is set.
 *
 * @param asMade what a new file is known to have already
 */
export const applyAttributes = (
  place: OpenedPlace,
  path: Bytes,
  wanted: Attributes,
  report: RestoreReport,
  asMade?: { readonly uid: number; readonly gid: number; readonly mode: number },
): void => {
  const { uid, gid, type } = wanted;
  let mode = wanted.mode;
  const sameOwner = asMade?.uid === uid && asMade.gid === gid;
  if (!sameOwner) {
    const result = 'fd' in place ? chownFd(place.fd, uid, gid) : chownOpened(place.opened, uid, gid);
    if (result < 0) {
      report.failAttribute(path, 'owner', errnoName(-result));
      // Never make somebody else's set-id file one's own.
      mode &= ~SET_ID_BITS;
    }
  }
  for (const [name, value] of wanted.xattrs) {
    const result = setXattr(place, name, value);
    if (result < 0) report.failAttribute(path, name, errnoName(-result));
  }
  if (wanted.aclAccess !== undefined) applyAcl(place, path, ACL_ACCESS, wanted.aclAccess, report);
  else if (type === 'd') removeAcl(place, path, ACL_ACCESS, report);
  if (wanted.aclDefault !== undefined) applyAcl(place, path, ACL_DEFAULT, wanted.aclDefault, report);
  else if (type === 'd') removeAcl(place, path, ACL_DEFAULT, report);
  const sameMode = sameOwner && asMade?.mode === mode && wanted.aclAccess === undefined;
  if (type !== 'l' && !sameMode) {
    const result = 'fd' in place ? chmodFd(place.fd, mode) : chmodOpened(place.opened, mode);
    if (result < 0) report.failAttribute(path, 'mode', errnoName(-result));
  }
  const { mtimeSec, mtimeNs } = wanted;
  const result =
    'fd' in place ? setTimesFd(place.fd, mtimeSec, mtimeNs) : setTimesOpened(place.opened, mtimeSec, mtimeNs);
  if (result < 0) report.failAttribute(path, 'mtime', errnoName(-result));
};
