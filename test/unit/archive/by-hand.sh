#!/bin/sh
# The recipe "By hand" of the format, as it stands. Run in the target folder:
#   by-hand.sh FOLDER LINKS SEGMENT...     FOLDER: .twinreel-<uid8>
set -e
folder=$1
LINKS=$2
shift 2
SEGMENTS=$*

T="--delay-directory-restore --xattrs --xattrs-include=* --acls --same-owner -p -b 512 --warning=no-timestamp"; set -f
if [ "$(id -u)" != 0 ]; then
  T="--delay-directory-restore --xattrs --xattrs-include=user.* --acls -p -b 512 --warning=no-timestamp"
fi
cat $SEGMENTS | tar -i $T -xf -            # every whole payload but links
if [ "$(id -u)" != 0 ]; then
  tar -tf $LINKS | grep '/$' | while read -r d; do chmod u+rwx "$d"; done     # non-root only
fi
set +f; for d in $folder/parts/*/; do
  [ -e "$d/name" ] || continue
  n=$(cat "$d/name"; echo x); n=${n%x}; set -- "$d"/0*; eval "l=\${$#}"
  cat "$@" | cp --sparse=always /dev/stdin "$d/whole" &&
  cp --attributes-only --preserve=all "$l" "$d/whole" && mv -f "$d/whole" "./$n"
done
set -f; tar $T -xf $LINKS; rm -rf $folder  # then touch the target folder itself
