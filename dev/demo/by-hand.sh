#!/bin/sh
# Restores one backup from exported tapes with GNU tar, cat and coreutils alone: nothing of Twinreel is used.
#   by-hand.sh JOB_UID TARGET TAPE_FOLDER...     a tape's folder holds one file per tape file: 00000, 00001, ...
set -eu
uid=$(printf %s "$1" | tr -d -)
target=$2
shift 2
folder=.twinreel-$(printf %.8s "$uid")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$target"

# What stands on the tapes: a group is labels (tape file 3g+1), payload (3g+2), trailers (3g+3). Labels are 80 columns.
for tape in "$@"; do
  tape=$(cd "$tape" && pwd)
  n=1
  while [ -e "$tape/$(printf %05d $n)" ]; do
    uhl1=$(dd if="$tape/$(printf %05d $n)" bs=80 skip=2 count=1 2>/dev/null | cut -c1-80)
    payload=$tape/$(printf %05d $((n + 1)))
    trailers=$tape/$(printf %05d $((n + 2)))
    n=$((n + 3))
    [ "$(printf %s "$uhl1" | cut -c24-55)" = "$uid" ] || continue
    # A torn group has no trailers; one that was given up says so in the last of them.
    [ -e "$trailers" ] && [ "$(tail -c 80 "$trailers" | cut -c1-9)" = UTL3WHOLE ] || continue
    printf '%s\t%s\t%s\t%s\t%s\n' "$(printf %s "$uhl1" | cut -c7)" "$(printf %s "$uhl1" | cut -c8-13)" \
      "$(printf %s "$uhl1" | cut -c60-65)" "$(printf %s "$uhl1" | cut -c14-23)" "$payload"
  done
done >"$work/groups"

# Of several whole ones of a segment: the highest epoch, then the highest group.
newest() {
  grep "^$1" "$work/groups" | sort -k2,2n -k3,3nr -k4,4nr | sort -s -u -k2,2n | cut -f5-
}
newest D >"$work/data"
newest L >"$work/links"
LINKS=$(cat "$work/links")
echo "$(wc -l <"$work/groups") whole groups: $(wc -l <"$work/data") segments, links, catalogues"

cd "$target"
XATTRS="--xattrs-include=* --same-owner"
[ "$(id -u)" = 0 ] || XATTRS="--xattrs-include=user.*"
set -f
T="--delay-directory-restore --xattrs $XATTRS --acls -p -b 512 --warning=no-timestamp"
tr '\n' '\0' <"$work/data" | xargs -0 cat | tar -i $T -xf -
if [ "$(id -u)" != 0 ]; then
  tar -tf "$LINKS" | grep '/$' | while read -r d; do chmod u+rwx "$d"; done
fi
set +f
for d in "$folder"/parts/*/; do
  [ -e "$d/name" ] || continue
  n=$(cat "$d/name"; echo x); n=${n%x}
  set -- "$d"/0*
  eval "l=\${$#}"
  cat "$@" | cp --sparse=always /dev/stdin "$d/whole"
  cp --attributes-only --preserve=all "$l" "$d/whole"
  mv -f "$d/whole" "./$n"
done
set -f
tar $T -xf "$LINKS"
rm -rf "$folder"
